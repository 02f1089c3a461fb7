import socket

import pytest

from tests.conftest import NetworkBlocked, is_loopback


@pytest.mark.parametrize("host", ["", None, "localhost", b"localhost", "127.0.0.9", "::1"])
def test_loopback_is_free(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["example.org", "192.168.0.1", "0.0.0.0", "::", "fe80::1"])
def test_everything_else_is_not(host):
    assert not is_loopback(host)


def test_no_test_leaves_this_machine():
    with pytest.raises(NetworkBlocked):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with socket.socket() as tcp, pytest.raises(NetworkBlocked):
        tcp.connect(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as udp, pytest.raises(NetworkBlocked):
        udp.sendto(b"", ("192.0.2.1", 80))


def test_a_test_can_talk_to_itself():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        client.sendall(b"!")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b"!"
