"""Certificates for a lab: one authority, one certificate a node, made with openssl."""

import ssl

from . import host, net

TLS_DIR = "/etc/lab-tls"
EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]


def make_certificates(directory, names):
    """Fill a folder of the host with ca.crt, ca.key and NAME.crt, NAME.key."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    ca = [f"{directory}/ca.crt", f"{directory}/ca.key"]
    extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"]
    _openssl("req", "-x509", *EC, "-subj", "/CN=palisade lab", *extensions, "-out", ca[0], "-keyout", ca[1])
    for name in [*names, "host"]:
        alternatives = ["DNS:localhost", f"DNS:{name}", "IP:127.0.0.1", "IP:::1"]
        if name != "host":
            address = net.address_of(name)
            alternatives += [f"IP:{address.v4}", f"IP:{address.v6}"]
        extensions = [
            "-addext", "subjectAltName=" + ",".join(alternatives),
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "extendedKeyUsage=serverAuth,clientAuth",
        ]  # fmt: skip
        _openssl("req", "-x509", *EC, "-CA", ca[0], "-CAkey", ca[1], "-subj", f"/CN={name}",
                 *extensions, "-out", f"{directory}/{name}.crt", "-keyout", f"{directory}/{name}.key")  # fmt: skip
    return directory


def put_certificate(node, directory):
    """Give a node its certificate: one copy for the databases' side, one for etcd."""
    certificate = (directory / f"{node.name}.crt").read_text()
    key = (directory / f"{node.name}.key").read_text()
    node.write(f"{TLS_DIR}/ca.crt", (directory / "ca.crt").read_text())
    for kind, owner, group in (("node", "postgres", _key_group(node)), ("etcd", "etcd", "etcd")):
        node.write(f"{TLS_DIR}/{kind}.crt", certificate)
        node.write(f"{TLS_DIR}/{kind}.key", key, 0o640, owner, group)


def client_context(directory):
    """A TLS context for questions from the host, certificate included."""
    context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    context.load_cert_chain(directory / "host.crt", directory / "host.key")
    return context


def _key_group(node):
    """Palisade's daemons read the key by their group, Patroni as postgres."""
    return "palisade-config" if "\npalisade-config:" in node.read("/etc/group") else "postgres"


def _openssl(*arguments):
    host.run(["openssl", *arguments], timeout=30)
