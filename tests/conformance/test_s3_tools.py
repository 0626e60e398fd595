"""rclone and s3cmd as Debian has them, with their defaults: both send `x-amz-acl: private` with every upload."""

import hashlib
import subprocess

import pytest


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "files"
    (folder / "sub folder").mkdir(parents=True)
    (folder / "a+b.txt").write_bytes(b"plus")
    (folder / "sub folder/größe.txt").write_bytes(b"umlaut")
    (folder / "large.bin").write_bytes(bytes(range(256)) * (12 << 12))  # 12 MiB: in parts
    return folder


def test_rclone(server, files, tmp_path):
    config = tmp_path / "rclone.conf"
    config.write_text(f"[here]\ntype = s3\nprovider = Other\nenv_auth = true\nendpoint = {server.endpoint}\nregion = {server.region}\n")

    def rclone(*arguments):
        return server.run("rclone", "--config", config, "--retries", "1", "--low-level-retries", "1", "--s3-chunk-size", "5M", "--s3-upload-cutoff", "5M",
                          *arguments).stdout

    rclone("mkdir", "here:rclone-bucket")
    rclone("copy", files, "here:rclone-bucket/to")
    rclone("check", "--download", files, "here:rclone-bucket/to")
    assert sorted(rclone("lsf", "-R", "--files-only", "here:rclone-bucket").splitlines()) == ["to/a+b.txt", "to/large.bin", "to/sub folder/größe.txt"]
    rclone("copyto", "here:rclone-bucket/to/a+b.txt", "here:rclone-bucket/copy+of it")  # by the server, on the key with the plus
    assert rclone("cat", "here:rclone-bucket/copy+of it") == "plus"
    rclone("sync", files / "sub folder", "here:rclone-bucket/to")
    assert rclone("lsf", "here:rclone-bucket/to").splitlines() == ["größe.txt"]
    rclone("purge", "here:rclone-bucket")
    assert "rclone-bucket" not in rclone("lsd", "here:")


def test_s3cmd(server, files, tmp_path):
    config = tmp_path / "s3cfg"
    host = server.endpoint.split("//")[1]
    config.write_text(f"[default]\naccess_key = {server.root.access_key_id}\nsecret_key = {server.root.secret_access_key}\nhost_base = {host}\n"
                      f"host_bucket = {host}\nuse_https = False\nbucket_location = {server.region}\nmultipart_chunk_size_mb = 5\n")

    def s3cmd(*arguments):
        done = subprocess.run(["s3cmd", "-c", str(config), "--no-progress", *map(str, arguments)], env={**server.environment, "LC_ALL": "C.UTF-8"},
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    s3cmd("mb", "s3://s3cmd-bucket")
    s3cmd("put", "--recursive", f"{files}/", "s3://s3cmd-bucket/to/")
    listed = s3cmd("ls", "--recursive", "s3://s3cmd-bucket")
    assert all(f"s3://s3cmd-bucket/to/{name}" in listed for name in ("a+b.txt", "large.bin", "sub folder/größe.txt"))
    s3cmd("get", "s3://s3cmd-bucket/to/a+b.txt", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == b"plus"
    s3cmd("get", "s3://s3cmd-bucket/to/large.bin", tmp_path / "large")
    assert hashlib.md5((tmp_path / "large").read_bytes()).digest() == hashlib.md5((files / "large.bin").read_bytes()).digest()
    assert "s3cmd-bucket" in s3cmd("info", "s3://s3cmd-bucket")
    for source, target in (("a+b.txt", "copy.txt"), ("sub folder/größe.txt", "copy of größe.txt")):  # each sets the ACL that it read
        s3cmd("cp", f"s3://s3cmd-bucket/to/{source}", f"s3://s3cmd-bucket/{target}")
    s3cmd("mv", "s3://s3cmd-bucket/copy.txt", "s3://s3cmd-bucket/moved.txt")
    assert s3cmd("get", "--force", "s3://s3cmd-bucket/moved.txt", tmp_path / "got") is not None and (tmp_path / "got").read_bytes() == b"plus"
    s3cmd("setacl", "--acl-private", "s3://s3cmd-bucket/moved.txt")
    s3cmd("setacl", "--acl-private", "s3://s3cmd-bucket")
    with pytest.raises(AssertionError, match="AccessControlListNotSupported"):
        s3cmd("setacl", "--acl-public", "s3://s3cmd-bucket/moved.txt")
    s3cmd("rb", "--recursive", "--force", "s3://s3cmd-bucket")
