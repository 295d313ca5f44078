// The film's page works without this: its thumbnails are then links to the chunks.
(() => {
  "use strict";
  const film = document.querySelector(".film video");
  const frames = film ? [...document.querySelectorAll(".strip a")] : [];
  const mark = () => {
    const now = frames.findLast((frame) => Number(frame.dataset.at) <= film.currentTime + 0.001);
    for (const frame of frames) {
      if (frame === now) frame.setAttribute("aria-current", "true");
      else frame.removeAttribute("aria-current");
    }
  };
  for (const frame of frames) {
    frame.addEventListener("click", (event) => {
      event.preventDefault();
      film.currentTime = Number(frame.dataset.at);
      mark();
    });
  }
  film?.addEventListener("timeupdate", mark);
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  const seen = new IntersectionObserver((clips) => {
    for (const { target, isIntersecting } of clips) {
      if (isIntersecting && !isCalm.matches) target.play().catch(() => {});
      else target.pause();
    }
  });
  for (const clip of document.querySelectorAll("video[data-plays]")) seen.observe(clip);
})();
