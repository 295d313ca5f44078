"""Has a generator render a new take, and decodes its last frame."""

import time
from functools import partial

from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.film.fingerprints import chunk_seed
from chunk_assets.film.take_records import TakeRecord
from chunk_assets.generation.base import GeneratedClip, GenerationRequest, ProgressCallback
from chunk_assets.media.endings import measure_ending
from chunk_assets.media.frames import last_frame
from chunk_assets.media.images import STORED, save_png
from chunk_assets.media.preview_frames import PreviewFrames
from chunk_assets.media.retiming import end_of_use
from chunk_assets.media.rgb import RgbConverter
from chunk_assets.render.context import RenderContext
from chunk_assets.render.files import LocalFile, Picture
from chunk_assets.render.finishing_queue import FinishingQueue
from chunk_assets.render.made import ChosenClip, ClipInputs, EndPicture, Made, Rendered
from chunk_assets.render.originals import keep_original, measured_if_video, write_record
from chunk_assets.render.previews import MOVING_FRAMES
from chunk_assets.render.references import reference_files


class TakeRenderer:
    """Renders one take after another, on the chain's thread."""

    def __init__(self, context: RenderContext, finishing: FinishingQueue):
        self._context, self._finishing = context, finishing
        self._convert = RgbConverter()

    def render(self, inputs: ClipInputs, model: str, take: int, chosen: ChosenClip | None) -> Made:
        """Have the generator render a take, queue its original, and decode its last frame.

        Raises:
            GenerationError: The generator delivered no clip.
            MediaError: The clip cannot be decoded; its original is kept.
        """
        spec, listener = inputs.spec, self._context.listener
        listener.started(spec)
        rendered = self.generate(inputs, model, take, chosen, partial(listener.progressed, spec))
        listener.rendered(spec, rendered.seconds)
        return self.decode(rendered)

    def generate(
        self,
        inputs: ClipInputs,
        model: str,
        take: int,
        chosen: ChosenClip | None,
        on_progress: ProgressCallback,
    ) -> Rendered:
        """Have the generator render a take, and queue its original; safe to call from threads.

        Raises:
            GenerationError: The generator delivered no clip.
        """
        context, spec = self._context, inputs.spec
        directory, end_image = context.files.take_directory(spec.chunk_num, take), None
        if spec.end_frame_url is not None:
            picture = context.files.fitted_animatic(spec.end_frame_url, spec.size)
            end_image = save_png(picture, directory / "end.png", STORED)
        request = GenerationRequest(
            video_id=spec.video_id,
            chunk_num=spec.chunk_num,
            prompt=spec.prompt,
            conditioning_image=inputs.composite.file.fetch(),
            num_frames=spec.num_frames,
            fps=spec.fps,
            size=spec.size,
            seed=chunk_seed(spec, take),
            camera_movement=spec.camera_movement,
            negative_prompt=spec.negative_prompt,
            keyframes=spec.keyframes,
            end_image=end_image,
            references=reference_files(context, spec),
        )
        context.stop.raise_if_set()
        self._finishing.resume()
        began = time.monotonic()
        with context.waits.waiting() as wait, context.clip_slot(request, context.stop):
            # A clip that no other process could find again is waited for here, however long.
            can_leave = context.generator.keeps_ledger
            wait.note(is_rendered=not can_leave)

            def report(fraction: float) -> None:
                wait.note(is_rendered=fraction > 0 or not can_leave)
                on_progress(fraction)

            clip = context.generator.generate(request, directory, report, context.stop)
        seconds = time.monotonic() - began
        rendered = Rendered(
            inputs=inputs,
            clip=clip,
            model=model,
            seed=request.seed,
            take=take,
            chosen=chosen,
            seconds=seconds,
            directory=directory,
        )
        if not clip.is_normalised:
            self._finishing.pause()  # the chain needs the processor first
            self._finishing.submit(keep_original, context, rendered)
        return rendered

    def from_original(
        self,
        inputs: ClipInputs,
        model: str,
        record: TakeRecord,
        chosen: ChosenClip | None,
        *,
        has_record: bool,
    ) -> Made:
        """Make a take from its stored original, without asking the generator.

        Args:
            inputs: What the take is made from.
            model: The generator's model.
            record: The take's record.
            chosen: The clip that the chunk has so far.
            has_record: Whether the record is stored apart from the original, too.

        Raises:
            Damaged: The original is damaged.
            StorageError: It cannot be read.
            MediaError: It cannot be decoded.
        """
        context, number = self._context, inputs.spec.chunk_num
        directory = context.files.take_directory(number, record.take)
        name = record.original.name if record.original else ""
        path = directory / name
        original = context.objects.take(number, record.take, name).download(path)
        if not has_record:
            full = record.model_copy(update={"prompt": inputs.spec.prompt})
            write_record(context, number, full, original, measured_if_video(path))
        ledger = context.objects.ledger().chunk(number) if record.request else None
        clip = GeneratedClip(
            path,
            cost_usd=record.cost_usd,
            spent_usd=ledger.cost_usd if ledger else None,
            request=record.request,
            prediction_id=record.prediction_id,
            made_by=record.made_by,
        )
        context.generator.original_stored(number, clip, original.sha256)
        context.listener.noticed(
            f"chunk {number}: take {record.take} was delivered before; its original is used"
        )
        return self.decode(
            Rendered(
                inputs=inputs,
                clip=clip,
                model=model,
                seed=record.seed,
                take=record.take,
                chosen=chosen,
                seconds=record.seconds,
                directory=directory,
            )
        )

    def decode(self, rendered: Rendered) -> Made:
        """Decode the last frame of a clip, and a few frames for its preview.

        Raises:
            MediaError: The clip cannot be decoded.
        """
        spec, picture = rendered.inputs.spec, None
        if spec.end_frame_url is not None:
            picture = self._context.files.fitted_animatic(spec.end_frame_url, spec.size)
        try:
            return self._decoded(rendered, picture)
        except MediaError as error:
            if rendered.clip.is_normalised:
                raise
            raise _unusable(rendered, error) from error

    def _decoded(self, rendered: Rendered, picture: Image.Image | None) -> Made:
        spec, end = rendered.inputs.spec, _end(rendered, picture)
        until = end_of_use(spec.num_frames, spec.fps, end.used_seconds if end else None)
        preview_frames = PreviewFrames(MOVING_FRAMES)
        image = last_frame(
            str(rendered.clip.path),
            until=until,
            preview_frames=preview_frames,
            convert=self._convert,
        )
        return Made(
            **vars(rendered),
            frame=Picture(LocalFile(rendered.directory / "last_frame.png"), image),
            preview_frames=preview_frames,
            end=end,
        )


def _end(rendered: Rendered, picture: Image.Image | None) -> EndPicture | None:
    """Measure how a clip comes to its end picture, if it has one."""
    spec = rendered.inputs.spec
    if picture is None:
        return None
    if rendered.clip.is_normalised:
        return EndPicture(picture)
    ending = measure_ending(rendered.clip.path)
    used = ending.used_seconds(spec.fps.seconds(spec.num_frames))
    return EndPicture(picture, ending.held_seconds, used)


def _unusable(rendered: Rendered, error: MediaError) -> MediaError:
    """Return an error that says what becomes of a delivered file that cannot be decoded."""
    spec, shown = rendered.inputs.spec, repr(str(rendered.clip.path))
    reason = str(error).replace(f"the video {shown}", "it").replace(shown, "it")
    return MediaError(
        f"take {rendered.take} of chunk {spec.chunk_num} of film {spec.video_id!r} cannot be used: "
        f"{reason}; the file is kept as it was delivered, render that chunk by its number for "
        "another take",
        **error.data,
    )
