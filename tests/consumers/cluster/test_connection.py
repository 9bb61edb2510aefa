"""Reaching a cluster, plain or secured, and naming the step that fails."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from consumers.cluster.clients import connection_options, make_admin, make_consumer, make_producer
from consumers.cluster.connection import Step, StepError, check_connection, probe
from consumers.cluster.wire import WireConnection
from sentiment.errors import BrokerUnavailable, ConfigurationError
from sentiment.settings import Settings, load_settings
from tests.brokers import ApacheKafka, Broker, free_port
from tests.consumers.cluster.certificates import self_signed
from tests.processes import run, sentiment
from tests.waiting import WITHIN_S, wait_until

PASSWORD = "correct-horse-battery"


def settings_for(bootstrap: str, **kafka: Any) -> Settings:
    return load_settings(None, {"kafka": {"bootstrap_servers": bootstrap, **kafka}})


@contextmanager
def answering(data: bytes | None) -> Iterator[str]:
    """A server that answers every connection with `data`, or not at all (None). Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                accepted.append(connection)
                if data is not None:
                    connection.recv(4096)
                    connection.sendall(data)
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(WITHIN_S)
            for connection in accepted:
                connection.close()


def failed_step(bootstrap: str, timeout_s: float = WITHIN_S) -> StepError:
    with pytest.raises(StepError) as raised:
        probe(bootstrap, connection_options(settings_for(bootstrap).kafka), None, timeout_s=timeout_s)
    return raised.value


def test_a_running_broker_takes_every_step(broker: Broker) -> None:
    """There is no error if all is well, even if only a later one of several servers answers."""
    check_connection(settings_for(broker.bootstrap))
    check_connection(settings_for(f"127.0.0.1:{free_port()}, {broker.bootstrap}"))


def test_each_way_to_fail_has_its_name() -> None:
    """Unknown host, refused port, silence, a closed connection and another protocol have different messages."""
    assert failed_step("no-such-host.invalid:9092").step is Step.RESOLVE
    refused = failed_step(f"127.0.0.1:{free_port()}")
    assert (refused.step, refused.reason) == (Step.CONNECT, "connection refused")
    with answering(None) as silent:
        quiet = failed_step(silent, timeout_s=0.5)
        assert (quiet.step, quiet.reason) == (Step.API_VERSIONS, "no answer in time")
    with answering(b"") as rude:
        assert "closed the connection" in failed_step(rude).reason
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as web:
        assert "not Kafka's protocol" in failed_step(web).reason


def test_the_message_names_server_step_and_what_to_do() -> None:
    """One line says what failed, where and why, followed by a hint. The exit code is 1."""
    server = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnavailable) as raised:
        check_connection(settings_for(server))
    assert str(raised.value) == f"cannot reach Kafka at {server}: TCP connection failed: connection refused"
    assert raised.value.hint == "is the broker running there?"
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("advertised", ["no-such-host.invalid:9092", "127.0.0.1:1"])
def test_an_advertised_address_that_cannot_be_reached_is_named(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, advertised: str
) -> None:
    """The error names the bootstrap server, the advertised address, the step, and the broker's setting.

    One of several is only a warning: that broker may be down, and the others serve.
    """
    monkeypatch.setattr(WireConnection, "brokers", lambda _: [advertised])
    with pytest.raises(BrokerUnavailable) as raised:
        check_connection(settings_for(broker.bootstrap))
    start = f"Kafka at {broker.bootstrap} answers, but its broker advertises {advertised}, which cannot be reached: "
    assert raised.value.message.startswith(start)
    assert re.search("name resolution failed|TCP connection failed: connection refused", raised.value.message)
    assert "advertised.listeners" in (raised.value.hint or "")
    for reachable in (broker.bootstrap, broker.bootstrap.replace("127.0.0.1", "127.0.0.2"), "[::1]:1"):
        brokers = [advertised, reachable, broker.bootstrap]
        monkeypatch.setattr(WireConnection, "brokers", lambda _, each=brokers: each)
        check_connection(settings_for(broker.bootstrap))


def test_the_brokers_advertise_where_they_are(broker: Broker) -> None:
    """A probe returns the advertised addresses, also by another name of the server."""
    for server in (broker.bootstrap, broker.bootstrap.replace("127.0.0.1", "localhost")):
        found = probe(server, connection_options(settings_for(server).kafka), None, timeout_s=WITHIN_S)
        assert found == [broker.bootstrap]
        check_connection(settings_for(server))


@pytest.mark.slow
def test_apache_kafka_with_a_wrong_advertised_listener(tmp_path: Path) -> None:
    """The whole way, as it happens with containers: every command says what to mend, with exit code 1."""
    if reason := ApacheKafka.missing():
        pytest.skip(reason)
    with ApacheKafka(properties={"advertised.listeners": "CLIENT://no-such-host.invalid:9092"}) as kafka:
        command = [*sentiment("topics", "list"), "--bootstrap-servers", kafka.bootstrap]
        said = ""

        def told() -> bool:
            nonlocal said
            answer = run(command)
            said = answer.stderr
            return answer.returncode == 1 and "advertises no-such-host.invalid:9092" in said

        wait_until(told, lambda: said)
        assert "advertised.listeners" in said


@pytest.mark.parametrize(
    ("kafka", "message"),
    [
        ({"bootstrap_servers": "kafka:port"}, "'kafka:port' is not host:port"),
        ({"bootstrap_servers": " , "}, "names no server"),
        ({"security_protocol": "SSL", "ssl_cafile": "/no/such/file.pem"}, "TLS files cannot be used"),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "me"}, "needs a password"),
    ],
)
def test_a_wrong_configuration_is_told_from_a_broken_network(kafka: dict[str, Any], message: str) -> None:
    """A mistake in the configuration gives exit code 2."""
    with pytest.raises(ConfigurationError, match=message) as raised:
        check_connection(load_settings(None, {"kafka": kafka}))
    assert raised.value.exit_code == 2


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApacheKafka, Path, Path]]:
    """Apache Kafka with TLS and SCRAM, the certificate to trust, and one that it does not have."""
    reason = ApacheKafka.missing()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("secured")
    server, certificate = self_signed(folder, "server")
    _, stranger = self_signed(folder, "stranger")
    login = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="app" password="{PASSWORD}";'
    properties = {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": login,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificate),
    }
    scram = {"KAFKA_ADD_SCRAM": f"SCRAM-SHA-512=[name=app,password={PASSWORD}]"}
    with ApacheKafka(properties=properties, variables=scram) as kafka:
        yield kafka, certificate, stranger


def secure_settings(broker: ApacheKafka, cafile: Path, **kafka: Any) -> Settings:
    login = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "app", "sasl_password": PASSWORD}
    secure = {"security_protocol": "SASL_SSL", "ssl_cafile": cafile}
    return settings_for(broker.bootstrap, **(secure | login | kafka))


@pytest.mark.slow
def test_every_client_reaches_a_secured_cluster(secured: tuple[ApacheKafka, Path, Path], tmp_path: Path) -> None:
    """Admin, producer and consumer work over TLS with SCRAM, the password from a file."""
    broker, certificate, _ = secured
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    settings = secure_settings(broker, certificate, sasl_password=None, sasl_password_file=file)
    check_connection(settings)
    with closing(make_admin(settings)) as admin:
        admin.create_topics({"secured": {"num_partitions": 1, "replication_factor": 1}})
        admin.wait_for_topics(["secured"])
    producer = make_producer(settings)
    producer.send("secured", b"hello").get(timeout=WITHIN_S)
    producer.close()
    with closing(make_consumer(settings, group_id="reader", topics=("secured",))) as consumer:
        polled = wait_until(lambda: consumer.poll(timeout_ms=1_000), "the record")
    assert [record.value for records in polled.values() for record in records] == [b"hello"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kafka", "message"),
    [
        ({"sasl_password": "wrong-horse"}, "authentication failed: user name or password is wrong"),
        ({"sasl_username": "nobody"}, "authentication failed: user name or password is wrong"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, "authentication failed: the broker does not offer SCRAM-SHA-256"),
        ({"ssl_cafile": "stranger"}, "TLS handshake failed: the certificate is not trusted"),
        ({"security_protocol": "PLAINTEXT"}, "ApiVersions failed"),
    ],
)
def test_a_wrong_secret_or_certificate_is_named_and_never_printed(
    secured: tuple[ApacheKafka, Path, Path], kafka: dict[str, Any], message: str
) -> None:
    """The message names the step that failed. No password is in the message, hint or chained errors."""
    broker, certificate, stranger = secured
    files = {"ssl_cafile": stranger} if "ssl_cafile" in kafka else {}
    with pytest.raises(BrokerUnavailable, match=message) as raised:
        check_connection(secure_settings(broker, certificate, **{**kafka, **files}))
    told = repr((raised.value, raised.value.hint, raised.value.__cause__, raised.value.__context__))
    assert PASSWORD not in told
    assert "wrong-horse" not in told
