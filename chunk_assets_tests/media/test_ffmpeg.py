"""FFmpeg processes: which binary, what is asked of it, what its failures say; none stays."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from chunk_assets.deployment import Deployment, configure
from chunk_assets.errors import FFmpegError
from chunk_assets.media.ffmpeg import (
    Process,
    arguments,
    combine,
    executable,
    file_url,
    read,
    run,
    run_all,
    write,
)


def endless(target: Path):
    """A graph that would run for hours."""
    return write(read("testsrc2=size=64x48", format="lavfi", re=None), target, format="mpegts")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_binary_comes_with_pip() -> None:
    """By default imageio-ffmpeg's binary is run."""
    assert executable() == imageio_ffmpeg.get_ffmpeg_exe()


def test_a_deployment_names_another_binary() -> None:
    """It is preferred to imageio-ffmpeg's."""
    configure(Deployment(ffmpeg="/opt/ffmpeg"))
    assert executable() == "/opt/ffmpeg"


def test_a_binary_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The error is one sentence with the binary's path."""
    configure(Deployment(ffmpeg="/nowhere/ffmpeg"))
    with pytest.raises(FFmpegError) as caught:
        run(endless(tmp_path / "a.ts"), tmp_path / "a.ts")
    assert str(caught.value) == (
        "FFmpeg cannot be started as '/nowhere/ffmpeg': No such file or directory"
    )


def test_the_whole_argument_list() -> None:
    """Global options come first, files are never taken for options, protocols or playlists."""
    first = read(Path("-a.mp4"), ss="1.5").filter("trim", end_frame=3)
    both = combine(first, read(Path("b:c.mp4")), "xfade", duration="0.5")
    assert arguments(write(both, Path("out.mp4"), crf=10), "ffmpeg") == [
        *["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y"],
        *["-format_whitelist", "mov,mp4,matroska,webm,gif", "-ss", "1.5", "-i", "file:-a.mp4"],
        *["-format_whitelist", "mov,mp4,matroska,webm,gif", "-i", "file:b:c.mp4"],
        "-filter_complex",
        "[0:v]trim=end_frame=3[s0];[s0][1:v]xfade=duration=0.5[s1]",
        *["-map", "[s1]", "-crf", "10", "file:out.mp4"],
    ]
    assert file_url("-y.mp4") == "file:-y.mp4"


def test_a_failure_is_one_sentence_with_the_cause(tmp_path: Path) -> None:
    """FFmpeg's last telling line is in the message, its whole log in the data."""
    source = tmp_path / "notes.mp4"
    source.write_text("not a video")
    with pytest.raises(FFmpegError) as caught:
        run(write(read(source), tmp_path / "out.mp4"), Path("clip.mp4"))
    assert str(caught.value) == "FFmpeg could not make 'clip.mp4': moov atom not found"
    assert caught.value.data["arguments"][-1] == f"file:{tmp_path / 'out.mp4'}"  # type: ignore[index]  # data is of any kind
    assert "moov atom not found" in str(caught.value.data["log"])


def test_a_playlist_is_not_read(tmp_path: Path) -> None:
    """A file that names other files is refused, so that no clip can pull in what it likes."""
    playlist = tmp_path / "clip.mp4"
    playlist.write_text("ffconcat version 1.0\nfile /etc/hostname\n")
    with pytest.raises(FFmpegError):
        run(write(read(playlist), tmp_path / "out.mp4"), Path("clip.mp4"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full device")
def test_a_full_disk_is_its_own_sentence(tmp_path: Path) -> None:
    """A full disk is named, without reading FFmpeg's log."""
    black = read("color=size=640x480:duration=1", format="lavfi")
    with pytest.raises(FFmpegError) as caught:
        run(write(black, Path("/dev/full"), format="rawvideo"), Path("clip.mp4"))
    assert str(caught.value) == "the disk is full: no space is left for 'clip.mp4'"


def test_a_killed_process_is_told(tmp_path: Path) -> None:
    """When the machine kills FFmpeg (memory), the signal stands in the message."""
    with Process(endless(tmp_path / "a.ts"), Path("a.ts")) as process:
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(FFmpegError, match=r"could not make 'a.ts': killed by signal 9"):
            process.wait()


def test_feeding_a_process_that_has_died_says_why(tmp_path: Path) -> None:
    """A broken pipe is not what a person gets to read."""
    frames = read("pipe:0", format="rawvideo", pix_fmt="rgb24", video_size=(640, 480))
    graph = write(frames, tmp_path / "no" / "a.mp4")
    twenty_frames = np.zeros((20, 480, 640, 3), np.uint8).data
    with (
        Process(graph, Path("a.mp4"), reads_stdin=True) as process,
        pytest.raises(FFmpegError, match="No such file or directory"),
    ):
        process.write(twenty_frames)


def test_no_process_outlives_its_block(tmp_path: Path) -> None:
    """An error in our own code ends the encoder with it."""
    with (
        pytest.raises(ZeroDivisionError),
        Process(endless(tmp_path / "a.ts"), Path("a.ts")) as process,
    ):
        _ = 1 / 0
    assert not is_running(process.pid)


def test_what_makes_way_has_a_lower_priority_than_we(tmp_path: Path) -> None:
    """All of its threads: they inherit it."""
    with Process(endless(tmp_path / "a.ts"), Path("a.ts")) as process:
        process.set_niceness(5)
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, ours + 5)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupting_a_call_ends_its_processes(tmp_path: Path) -> None:
    """Ctrl-C in the middle of many encodes leaves none running."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    targets = [tmp_path / f"{number}.ts" for number in range(3)]
    before = signal.signal(signal.SIGUSR1, interrupt)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.7, signal.pthread_kill, (main, signal.SIGUSR1))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_all(((endless(path), path) for path in targets), 2)
    finally:
        timer.cancel()
        signal.signal(signal.SIGUSR1, before)
    sizes = [path.stat().st_size for path in targets if path.exists()]
    time.sleep(0.4)
    assert [path.stat().st_size for path in targets if path.exists()] == sizes
    assert not targets[2].exists()


def test_many_runs(tmp_path: Path) -> None:
    """Every graph is run, and one that fails ends the rest."""
    black = read("color=size=64x48:duration=0.1", format="lavfi")
    jobs = [(write(black, tmp_path / f"{n}.mp4"), tmp_path / f"{n}.mp4") for n in range(5)]
    run_all(jobs, 2)
    assert all(path.exists() for _, path in jobs)
    lost = (write(black, tmp_path / "no" / "a.mp4"), Path("lost.mp4"))
    with pytest.raises(FFmpegError, match=r"'lost.mp4'"):
        run_all([lost, *jobs], 2)
