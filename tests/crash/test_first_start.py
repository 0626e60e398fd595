"""kill -9 during the very first start, at many moments: the next start always has an account whose root credentials work."""

import subprocess
import time

import pytest

from conftest import BINARY, clean_environment


@pytest.mark.parametrize("milliseconds", [0, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 170, 250])
def test_killed_on_the_way_up(make_server, tmp_path, milliseconds):
    process = subprocess.Popen([BINARY, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"], env=clean_environment(tmp_path),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(milliseconds / 1000)
    process.kill()
    process.wait()
    server = make_server(home=tmp_path)  # start() signs with the root credentials on disk
    assert server.client("sts").get_caller_identity()["Arn"].endswith(":root")
    assert not (server.data / "root-credentials.due").exists()
