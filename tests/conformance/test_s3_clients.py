"""What training programs read and write S3 with, each with its defaults: s3fs, pyarrow, obstore, the transfer of AWS's C runtime. All in one
program beside one server, in the environment that tests/clients/install.py makes."""
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "clients"))
from install import install  # noqa: E402

PROGRAMS = {
    "s3fs": """
import s3fs
fs = s3fs.S3FileSystem()
fs.mkdir(bucket)
with fs.open(f"{bucket}/a/b.bin", "wb", block_size=5 << 20) as file:
    for _ in range(3): file.write(data)
assert fs.info(f"{bucket}/a/b.bin")["size"] == 3 * len(data)
with fs.open(f"{bucket}/a/b.bin", "rb") as file:
    file.seek(len(data) - 5)
    assert file.read(10) == data[-5:] + data[:5]
fs.pipe(f"{bucket}/a/größe", b"small")
assert sorted(fs.find(bucket)) == [f"{bucket}/a/b.bin", f"{bucket}/a/größe"]
fs.copy(f"{bucket}/a/größe", f"{bucket}/c"); fs.mv(f"{bucket}/c", f"{bucket}/d")
assert fs.cat(f"{bucket}/d") == b"small" and not fs.exists(f"{bucket}/c") and fs.isdir(f"{bucket}/a")
fs.touch(f"{bucket}/empty"); fs.setxattr(f"{bucket}/d", one="1"); assert fs.getxattr(f"{bucket}/d", "one") == "1"
fs.rm(bucket, recursive=True)
assert not fs.exists(bucket)
""",
    "pyarrow": """
import pyarrow, pyarrow.fs, pyarrow.parquet, pyarrow.dataset
fs = pyarrow.fs.S3FileSystem(allow_bucket_creation=True, allow_bucket_deletion=True, endpoint_override=os.environ["AWS_ENDPOINT_URL"])
fs.create_dir(bucket)
table = pyarrow.table({"number": list(range(100_000)), "half": ["odd", "even"] * 50_000})
pyarrow.parquet.write_table(table, f"{bucket}/one.parquet", filesystem=fs)
assert pyarrow.parquet.read_table(f"{bucket}/one.parquet", filesystem=fs, columns=["number"]).column(0).to_pylist()[-1] == 99_999
pyarrow.dataset.write_dataset(table, f"{bucket}/set", filesystem=fs, format="parquet", partitioning=["half"])
assert pyarrow.dataset.dataset(f"{bucket}/set", filesystem=fs, partitioning=["half"]).count_rows() == 100_000
with fs.open_output_stream(f"{bucket}/large", metadata={"Content-Type": "x/y"}) as file:
    for _ in range(4): file.write(data)
with fs.open_input_file(f"{bucket}/large") as file: assert file.size() == 4 * len(data) and file.read_at(4, len(data)) == data[:4]
names = {one.path for one in fs.get_file_info(pyarrow.fs.FileSelector(bucket))}
assert names == {f"{bucket}/one.parquet", f"{bucket}/set", f"{bucket}/large"}, names
fs.move(f"{bucket}/large", f"{bucket}/moved"); fs.delete_file(f"{bucket}/moved")
fs.delete_dir(f"{bucket}/set"); fs.delete_dir(bucket)
""",
    "obstore": """
import os, obstore, obstore.store, boto3
boto3.client("s3").create_bucket(Bucket=bucket)
store = obstore.store.S3Store(bucket, endpoint=os.environ["AWS_ENDPOINT_URL"], region=os.environ["AWS_REGION"], client_options={"allow_http": True},
                              virtual_hosted_style_request=False)
obstore.put(store, "a/b", data * 3)
assert obstore.head(store, "a/b")["size"] == 3 * len(data)
assert bytes(obstore.get_range(store, "a/b", start=len(data) - 2, end=len(data) + 2)) == data[-2:] + data[:2]
assert [bytes(one) for one in obstore.get_ranges(store, "a/b", starts=[0, 10], ends=[4, 14])] == [data[:4], data[10:14]]
obstore.put(store, "once", b"1", mode="create")
try: obstore.put(store, "once", b"2", mode="create"); raise SystemExit("overwritten")
except obstore.exceptions.AlreadyExistsError: pass
obstore.copy(store, "once", "twice"); obstore.rename(store, "twice", "c")
assert sorted(one["path"] for page in obstore.list(store) for one in page) == ["a/b", "c", "once"]
assert [*obstore.list_with_delimiter(store)["common_prefixes"]] == ["a"]
obstore.delete(store, ["a/b", "c", "once"])
""",
    # boto3 itself has this transfer speak TLS alone, with the system's authorities: s3transfer is what it calls.
    "boto3 with the transfer of the C runtime": """
import boto3, botocore.session, s3transfer.crt
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket)
session = botocore.session.get_session()
options = {"region_name": os.environ["AWS_REGION"], "endpoint_url": os.environ["AWS_ENDPOINT_URL"]}
credentials = s3transfer.crt.BotocoreCRTCredentialsWrapper(session.get_credentials()).to_crt_credentials_provider()
client = s3transfer.crt.create_s3_crt_client(options["region_name"], credentials, use_ssl=False, part_size=5 << 20)
with s3transfer.crt.CRTTransferManager(client, s3transfer.crt.BotocoreCRTRequestSerializer(session, options)) as transfer:
    open("file", "wb").write(data * 9)
    transfer.upload("file", bucket, "large").result()
    transfer.upload("program.py", bucket, "small").result()
    transfer.download(bucket, "large", "back").result()
    transfer.delete(bucket, "small").result()
assert open("back", "rb").read() == data * 9  # it has that name once the manager is closed
assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["large"]
with s3transfer.manager.TransferManager(s3) as transfer:
    transfer.download(bucket, "large", "again").result()
assert open("again", "rb").read() == data * 9
""",
}


@pytest.fixture(scope="module")
def python():
    return install("s3-tools") / "bin/python"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_client_with_its_defaults(server, python, tmp_path, name):
    bucket = f"tool-{list(PROGRAMS).index(name)}"
    program = tmp_path / "program.py"
    program.write_text(f"import os\nos.environ['AWS_ENDPOINT_URL_S3'] = os.environ['AWS_ENDPOINT_URL']\nbucket = {bucket!r}\ndata = bytes(range(256)) * 8192\n"
                       + PROGRAMS[name], encoding="utf-8")
    done = subprocess.run([python, program], env=server.client_environment(), cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
