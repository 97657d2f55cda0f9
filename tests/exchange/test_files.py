"""Files that a user hands over: media by clip, and what is what."""

from __future__ import annotations

from pathlib import Path

import pytest

from avvp_studio.exchange.media_folder import scan
from avvp_studio.exchange.recognise import recognise
from trainer.annotations import AnnotationError


def touch(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_media_are_found_by_the_clips_name_or_its_youtube_id(tmp_path: Path) -> None:
    whole = touch(tmp_path / "deep" / "er" / "BjCEufrlXm4_20_30.mkv")
    short = touch(tmp_path / "-_aaaaaaaaa.MP4")
    touch(tmp_path / "notes.txt")
    touch(tmp_path / ".hidden" / "clip.mp4")

    media = scan([tmp_path])
    assert media.of_clip("BjCEufrlXm4_20_30") == whole
    assert media.of_clip("-_aaaaaaaaa_5.5_15.5") == short
    assert media.of_clip("clip") is None
    assert media.beyond(["-_aaaaaaaaa_0_10"]) == [whole]


def test_of_media_with_one_name_the_video_is_taken_and_the_rest_told(tmp_path: Path) -> None:
    sound, video = touch(tmp_path / "a.wav"), touch(tmp_path / "a.webm")
    media = scan([tmp_path])
    assert media.of_clip("a") == video
    assert media.repeated == ((sound, video),)


def test_a_media_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="no such folder"):
        scan([tmp_path / "missing"])


@pytest.mark.parametrize(
    ("name", "header", "role"),
    [
        ("AVVP_val_pd.csv", "", "val"),
        ("audio_events.csv", "", "audio"),
        ("my_train_list.tsv", "filename\tevent_labels", "train"),
        ("AVVP_eval_audio_2020.csv", "filename\tonset\toffset\tevent_labels", "audio"),
        ("checked.csv", "filename\tmodality\tcategory\tonset\toffset\tstate", "reviewed"),
    ],
)
def test_a_table_is_known_by_its_name_or_its_header(tmp_path: Path, name: str, header: str, role: str) -> None:
    path = touch(tmp_path / name, header + "\n")
    assert recognise([path]).annotations == {role: [path]}


def test_files_of_a_folder_that_are_no_labels_of_their_own_are_passed_over(tmp_path: Path) -> None:
    others = [touch(tmp_path / name) for name in ("categories.txt", "snapshot.json", "AVVP_dataset_full.csv")]
    assert recognise(others).annotations == {}


@pytest.mark.parametrize(
    ("name", "header", "said"),
    [
        ("labels.csv", "filename\tevent_labels", "train or val or test"),
        ("eval.csv", "filename\tonset\toffset\tevent_labels", "audio or visual"),
        ("other.csv", "name,label", "the header is one of"),
        ("paper.pdf", "", "not a kind of file"),
    ],
)
def test_a_file_that_cannot_be_told_is_refused(tmp_path: Path, name: str, header: str, said: str) -> None:
    with pytest.raises(AnnotationError, match=said):
        recognise([touch(tmp_path / name, header)])


def test_missing_files_and_folders_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="no such file or folder"):
        recognise([tmp_path / "missing.csv"])
    with pytest.raises(AnnotationError, match="nothing in this folder"):
        recognise([tmp_path])
