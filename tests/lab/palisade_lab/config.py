"""The files that make a clone of the image this or that node."""

import re
from pathlib import Path
from string import Template

from . import net, options, paths
from .tls import TLS_DIR, put_certificate

MAIN_YML = "/etc/palisade/main.yml"
PATRONI_YML = "/etc/patroni/config.yml"
PATRONI_VIP = "/etc/patroni/vip"


def configure(node, opts, tls_files):
    """Write everything that tells this node apart. It is off, or has not booted so far."""
    number = int(node.address.v4.rsplit(".", 1)[1])
    node.write("/etc/hostname", node.name + "\n")
    node.write("/etc/machine-id", f"77{number:030x}\n", mode=0o444)
    node.write("/etc/hosts", net.hosts_file(opts.names))
    node.write("/etc/lab-net.batch", net.node_batch(node.name))
    zone = Path("/etc/localtime")
    if zone.exists():
        node.write("/etc/localtime", zone.read_bytes())
    if tls_files:
        put_certificate(node, tls_files)
    if node.name in opts.members:
        node.write("/etc/default/etcd", etcd_environment(node, opts))
        node.enable("etcd.service")
    if node.name == net.APP:
        node.write("/etc/haproxy/haproxy.cfg", haproxy_cfg(opts))
        node.enable("haproxy.service")
    elif opts.mode == options.PALISADE:
        for prefix in ("palisade-.service.d", "palisaded@.service.d"):
            node.write(f"/etc/systemd/system/{prefix}/turn.conf", "[Service]\nEnvironment=PALISADE_TURN_LIMIT=2\n")
        node.write(MAIN_YML, main_yml(node, opts), 0o640, "postgres", "palisade-config")
    elif opts.mode == options.PATRONI:
        node.write(PATRONI_YML, main_yml(node, opts), 0o600, "postgres")
        node.write(PATRONI_VIP, _template("patroni-vip", vip_v4=net.VIP_V4), 0o755)
        node.write("/etc/sudoers.d/patroni-vip", "postgres ALL=(root) NOPASSWD: /usr/sbin/ip, /usr/bin/arping\n", 0o440)


def main_yml(node, opts):
    tls = opts.tls
    hosts = ", ".join(f"'{net.address_of(name).v4}:2379'" for name in opts.members)
    return _template(
        "main.yml",
        name=node.name,
        address=node.address.v4,
        listen="*:5432" if opts.ipv6 else "0.0.0.0:5432",
        etcd_hosts=hosts,
        ttl=opts.ttl,
        loop_wait=opts.loop_wait,
        retry_timeout=opts.retry_timeout,
        synchronous_mode=str(opts.sync).lower(),
        superuser_password=options.SUPERUSER_PASSWORD,
        net_v4=net.NET_V4,
        net_v6=net.NET_V6,
        vip_v4=net.VIP_V4,
        vip_extra=_block(opts.ipv6, f"  - address: {net.VIP_V6}", "    interface: host0"),
        restapi_tls=_block(
            tls,
            f"  certfile: {TLS_DIR}/node.crt",
            f"  keyfile: {TLS_DIR}/node.key",
            f"  cafile: {TLS_DIR}/ca.crt",
            "",
            "ctl:",
            f"  cacert: {TLS_DIR}/ca.crt",
            f"  certfile: {TLS_DIR}/node.crt",
            f"  keyfile: {TLS_DIR}/node.key",
            "",
        ),
        etcd_tls=_block(
            tls,
            "  protocol: https",
            f"  cacert: {TLS_DIR}/ca.crt",
            f"  cert: {TLS_DIR}/node.crt",
            f"  key: {TLS_DIR}/node.key",
            "",
        ),
        callbacks=_block(
            opts.mode == options.PATRONI,
            "  callbacks:",
            f"    on_start: {PATRONI_VIP}",
            f"    on_stop: {PATRONI_VIP}",
            f"    on_role_change: {PATRONI_VIP}",
            "",
        ),
    )


def etcd_environment(node, opts):
    members = ",".join(f"{m}={opts.scheme}://{net.address_of(m).v4}:2380" for m in opts.members)
    files = [("TRUSTED_CA", "ca.crt"), ("CERT", "etcd.crt"), ("KEY", "etcd.key")]
    tls = [f"ETCD_{side}{what}_FILE={TLS_DIR}/{file}" for side in ("", "PEER_") for what, file in files]
    tls += ["ETCD_CLIENT_CERT_AUTH=true", "ETCD_PEER_CLIENT_CERT_AUTH=true"]
    return _template(
        "etcd",
        name=node.name,
        address=node.address.v4,
        scheme=opts.scheme,
        members=members,
        tls=_block(opts.tls, *tls),
    )


def haproxy_cfg(opts):
    """The project's example as it stands, for as many servers as this lab has."""
    text = (paths.REPO_DIR / "etc" / "haproxy.cfg").read_text()

    def servers(match):
        line = match.group(0)
        return "\n".join(line.replace("pg1", name) for name in opts.databases)

    text = re.sub(r"^\s*server pg[2-9]\b.*\n", "", text, flags=re.M)
    text = re.sub(r"^\s*server pg1\b.*$", servers, text, flags=re.M)
    if opts.tls:
        check = f"default-server check-ssl verify required ca-file {TLS_DIR}/ca.crt\n"
        text = text.replace("\nlisten primary\n", f"\n        {check}\nlisten primary\n")
    return text


def _template(file, /, **values):
    """A file of templates/; a line that a placeholder left empty goes."""
    text = Template((paths.TEMPLATES / file).read_text()).substitute(values)
    return re.sub(r"\n{3,}", "\n\n", text)


def _block(wanted, *lines):
    return "\n".join(lines) if wanted else ""
