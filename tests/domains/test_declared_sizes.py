"""Small files that declare much are refused before memory is taken, and files that say false things are refused at all."""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest

from nasmyth.domains import read, read_inputs
from nasmyth.domains.sources import memory
from nasmyth.errors import DataError

from .images import arrays, folder, picture, write
from .test_folder import said
from .test_tables import table


def npy(array: np.ndarray, shape: tuple[int, ...] | None = None, kind: str | None = None) -> bytes:
    """An .npy file whose header may say another shape or type than is there."""
    header = f"{{'descr': {kind or array.dtype.str!r}, 'fortran_order': False, 'shape': {shape or array.shape}, }}"
    text = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + array.tobytes()


def archive(path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, method)
    return path


Y = np.arange(60) % 2


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_unpacks_to_much_is_refused(tmp_path, method, monkeypatch):
    monkeypatch.setattr(memory, "ALWAYS", 1 << 20)
    content = npy(np.zeros(0, np.uint8), (300, 10_000)) + bytes(3_000_000)
    path = archive(tmp_path / "a.npz", ("x.npy", content), ("y.npy", npy(np.zeros(300, np.int64))), method=method)
    assert path.stat().st_size < 20_000
    with pytest.raises(
        DataError, match=r"what it declares would take 3 MB in memory, and a file of .* NASMYTH_DATA_MEMORY="
    ):
        read(path)


@pytest.fixture(scope="module")
def vast(tmp_path_factory) -> bytes:
    """A PNG of 13,000 x 13,000 pixels."""
    return big(tmp_path_factory.mktemp("vast") / "vast.png", 13_000).read_bytes()


def test_refusing_takes_no_memory(tmp_path, vast):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        with file.open("x.npy", "w") as member:
            member.write(npy(np.zeros(0, np.uint8), (400, 1_000_000)))
            for _ in range(400):
                member.write(bytes(1_000_000))
        file.writestr("y.npy", npy(np.zeros(400, np.int64)))
    assert path.stat().st_size < 1_400_000
    write(tmp_path / "p" / "b" / "x.png", picture(0)).with_name("y.png").write_bytes(vast)
    code = (
        "from nasmyth.domains import read; from nasmyth.errors import DataError\n"
        f"for source in ({str(path)!r}, {str(tmp_path / 'p')!r}):\n"
        "    try: read(source)\n"
        "    except DataError as error: print(error)\n"
        # of this program alone
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "would take 400 MB" in out and "p: " in out
    assert int(out.split()[-1]) * 1024 < 500e6, out


def test_the_limit_can_be_raised_and_lowered(tmp_path, monkeypatch):
    x, y = arrays()
    path = tmp_path / "a.npz"
    np.savez(path, x=x, y=y)
    monkeypatch.setenv(memory.VARIABLE, "3kB")
    with pytest.raises(DataError, match="NASMYTH_DATA_MEMORY allows 3kB"):
        read(path)
    monkeypatch.setenv(memory.VARIABLE, "1MB")
    assert len(read(path).classes) == 3
    monkeypatch.delenv(memory.VARIABLE)
    assert memory.allowance(10).most == memory.ALWAYS and memory.allowance(10**7).most == 10**9
    assert memory.allowance(10**15).most == memory.allowance().most


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (npy(np.zeros(60), (60, 10**12)), "would take"),
        (npy(np.zeros(60), (10**15, 0)), "would take"),
        (npy(np.zeros(60), (60,), "<U99999999"), "would take"),
        (npy(np.zeros(60), (61,)), "needs 488 bytes and 480 are there"),
        (npy(np.zeros(60), (59,)), "needs 472 bytes and 480 are there"),
        (npy(np.zeros(60), (-60, -1)), "is no shape"),
        (npy(np.zeros(60), (60,), "|O"), "pickled Python objects"),
        (b"\x93NUMPY\x01\x00\x05\x00{'a'(", "cannot be read as .npz"),
        (b"\x93NUMPY\x09\x00" + bytes(90), "version"),
        (b"", "cannot be read as .npz"),
    ],
)
def test_headers_that_say_false_things(tmp_path, member, words):
    with pytest.raises(DataError, match=words):
        read(archive(tmp_path / "a.npz", ("x.npy", member), ("y.npy", npy(Y))))


def test_members_that_are_twice_there_or_encrypted(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(tmp_path / "a.npz", ("x.npy", npy(np.zeros((60, 2)))), ("x.npy", npy(Y)), ("y.npy", npy(Y)))
    with pytest.raises(DataError, match="holds 'x' twice"):
        read(path)
    data = bytearray(archive(tmp_path / "b.npz", ("x.npy", npy(Y)), ("y.npy", npy(Y))).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.npz").write_bytes(data)
    with pytest.raises(DataError, match="'x' is encrypted"):
        read(tmp_path / "b.npz")


def test_what_numpy_writes_is_read(tmp_path):
    x, y = arrays()
    odd = {
        "x_train": np.asfortranarray(x), "y_train": y.astype(">i2"), "x_test": x[:9].copy(),
        "y_test": y[:9].astype(np.float16),
    }  # fmt: skip
    np.savez(tmp_path / "a.npz", **odd)
    task = read(tmp_path / "a.npz")
    assert np.array_equal(task.test.x[..., 0], x[:9]) and np.array_equal(task.test.y, y[:9])
    np.save(tmp_path / "a.npy", np.asfortranarray(x))
    assert np.array_equal(read_inputs(tmp_path / "a.npy", task.inputs)[0], x)


def test_an_npy_file_that_says_false_things(tmp_path):
    task = read(arrays())
    for content, words in ((npy(np.zeros(3), (10**12,)), "would take"), (npy(np.zeros(3))[:-1], "needs 24 bytes")):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(DataError, match=words):
            read_inputs(tmp_path / "a.npy", task.inputs)


def big(path, side: int, channels: int = 3):
    """A PNG of so many pixels that has half a megabyte at most."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer, row = zlib.compressobj(6), bytes(1 + side * channels)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2 if channels == 3 else 0, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    return path


def test_implausibly_large_pictures_are_left_out_and_others_scaled(tmp_path, vast):
    folder(tmp_path)
    (tmp_path / "cat" / "vast.png").write_bytes(vast)
    big(tmp_path / "cat" / "large.png", 2_000)
    task = read(tmp_path)
    assert "cat/vast.png (implausibly large, 13000x13000 pixels)" in said(task, "cannot be read")
    assert len(task.train) + len(task.valid) + len(task.test) == 21 and task.input == (3, 12, 12)


def test_a_large_picture_is_averaged_not_sampled(tmp_path):
    folder(tmp_path)
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 200
    write(tmp_path / "cat" / "large.png", stripes)
    task = read(tmp_path)
    everything = [x for split in (task.train, task.valid, task.test) for x in split.x.numpy()]
    assert any(np.abs(x.astype(int) - 100).max() <= 2 for x in everything)


def test_pictures_that_fit_alone_but_not_together(tmp_path, monkeypatch):
    folder(tmp_path)
    with pytest.raises(DataError, match="20 pictures at 50000x50000 would take 150 GB"):
        read(tmp_path, size=50_000)
    with pytest.raises(DataError, match="1,797 images of 99999x99999 pixels would take"):
        read("digits", size=99_999)


def test_parquet_that_declares_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "ALWAYS", 1 << 20)
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    rows = 1_000_000
    zeros = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array(["no"]))
    pq.write_table(pa.table({"a": zeros}), path)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(DataError, match="what it declares, 1,000,000 rows of 1 columns, would take 8 MB"):
        read(path, "a")
    pq.write_table(pa.table({"a": ["x" * 100_000] * 500, "y": [0, 1] * 250}), path)
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="its texts, written out, would take 50 MB"):
        read(path, "y")


def test_parquet_as_others_write_it(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    frame = table().assign(colour=lambda f: f["colour"].astype("category"))
    frame.index = pd.Index([f"r{i}" for i in range(len(frame))])
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    assert "__index_level_0__" not in {c.name for c in read(path, "kind").inputs.columns}
    plain = read(path, "kind").fingerprint
    whole = pa.Table.from_pandas(frame)
    for notes in (b"{}", b"null", b'{"columns": [{"name": 3}], "index_columns": ["__index_level_0__"]}'):
        kept = whole if b"index" in notes else whole.drop_columns(["__index_level_0__"])
        pq.write_table(kept.replace_schema_metadata({b"pandas": notes}), path)
        assert read(path, "kind").fingerprint == plain
    pq.write_table(whole.append_column("nested", pa.array([[1, 2]] * len(frame))), path)
    said(read(path, "kind"), "not single numbers", "nested")


def test_a_first_line_of_too_many_columns(tmp_path):
    (tmp_path / "a.csv").write_text("," * 200_000)
    with pytest.raises(DataError, match="200,001 entries; up to 50,000 columns"):
        read(tmp_path / "a.csv", "y")


def test_csv_in_utf_16(tmp_path):
    frame = table().assign(colour=["grün", "rot"] * 60)
    frame.to_csv(tmp_path / "a.csv", index=False, encoding="utf-16")
    task = read(tmp_path / "a.csv", "kind")
    said(task, "UTF-16")
    frame.to_csv(tmp_path / "b.csv", index=False)
    assert task.fingerprint == read(tmp_path / "b.csv", "kind").fingerprint


def test_a_csv_file_too_large_for_the_memory(tmp_path, monkeypatch):
    table().to_csv(tmp_path / "a.csv")
    monkeypatch.setenv(memory.VARIABLE, "10kB")
    with pytest.raises(DataError, match="a table of that size would take"):
        read(tmp_path / "a.csv", "kind")


def test_texts_that_are_no_unicode(tmp_path):
    broken = np.frombuffer(b"\xff\xff\xff\xff" * 60, "<U1")
    path = archive(tmp_path / "a.npz", ("x.npy", npy(np.zeros((60, 2)))), ("y.npy", npy(broken)))
    with pytest.raises(DataError, match="y of the train part holds texts that are no Unicode"):
        read(path)
