"""The lab's network: who has which address, and what a cut looks like in nftables.

Everything here is a value or a text; the supervisor applies it inside the lab's namespace.
"""

from dataclasses import dataclass

BRIDGE = "lab0"
HOST_V4, HOST_V6 = "10.77.0.1", "fd77::1"
VIP_V4, VIP_V6 = "10.77.0.100", "fd77::100"
NET_V4, NET_V6 = "10.77.0.0/24", "fd77::/64"
APP = "app"

SCOPES = ("etcd", "peers", "clients", "all")
WAYS = ("both", "in", "out")


@dataclass(frozen=True)
class Address:
    """A node's name and addresses."""

    name: str
    v4: str
    v6: str

    @property
    def port(self):
        """The bridge port that is the host's end of the node's cable."""
        return f"vb-{self.name}"


def address_of(name):
    last = 50 if name == APP else 10 + int(name.removeprefix("pg"))
    return Address(name, f"10.77.0.{last}", f"fd77::{last}")


def node_names(count):
    """pg1 … pgN and the node of the clients."""
    return [f"pg{i}" for i in range(1, count + 1)] + [APP]


def etcd_members(count):
    """The nodes that run etcd: three where there are three; `app` helps a cluster of two."""
    return node_names(count)[:3] if count != 1 else ["pg1"]


def hosts_file(names):
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    for name in names:
        address = address_of(name)
        lines += [f"{address.v4} {name}", f"{address.v6} {name}-v6"]
    lines += [f"{VIP_V4} vip", f"{VIP_V6} vip-v6", f"{HOST_V4} bridge"]
    return "\n".join(lines) + "\n"


def node_batch(name):
    """What lab-net.service feeds to `ip -batch` when the node boots."""
    address = address_of(name)
    return (
        "link set lo up\n"
        "link set host0 up\n"
        f"address replace {address.v4}/24 dev host0\n"
        f"address replace {address.v6}/64 dev host0 nodad\n"
        f"route replace default via {HOST_V4}\n"
    )


def bridge_batch():
    """The lab's switch, made once by the supervisor."""
    return (
        "link set lo up\n"
        f"link add {BRIDGE} type bridge forward_delay 0 stp_state 0\n"
        f"address add {HOST_V4}/24 dev {BRIDGE}\n"
        f"address add {HOST_V6}/64 dev {BRIDGE} nodad\n"
        f"link set {BRIDGE} up\n"
    )


@dataclass(frozen=True)
class Cut:
    """Packets of one node that the switch drops without a word."""

    node: str
    scope: str = "all"  # of SCOPES
    way: str = "both"  # of WAYS: in = what the node would receive, out = what it sends

    def __str__(self):
        scope = {"all": "everything", "clients": "clients", "peers": "peers", "etcd": "etcd"}[self.scope]
        return scope + {"both": "", "in": " (in)", "out": " (out)"}[self.way]


def render_rules(cuts, names):
    """The complete nftables ruleset for these cuts; it replaces the one before in one step."""
    rules = {"forward": [], "input": [], "output": []}
    for cut in cuts:
        _render(cut, names, rules)
    chains = "".join(
        f"  chain {hook} {{\n    type filter hook {hook} priority 0; policy accept;\n"
        + "".join(f"    {rule}\n" for rule in lines)
        + "  }\n"
        for hook, lines in rules.items()
    )
    table = "table bridge palisade_lab"
    return f"{table}\ndelete {table}\n{table} {{\n{chains}}}\n"


ETCD_PORTS = "{ 2379, 2380 }"


def _render(cut, names, rules):
    """Append this cut's drop rules; a packet out comes in on the node's port, and vice versa."""
    port = address_of(cut.node).port
    if cut.way != "in":
        _render_way(cut, names, rules, f'iifname "{port}"', "oifname", rules["input"])
    if cut.way != "out":
        _render_way(cut, names, rules, f'oifname "{port}"', "iifname", rules["output"])


def _render_way(cut, names, rules, own, other, host_rules):
    forward = rules["forward"]
    if cut.scope == "all":
        forward.append(f"{own} drop")
        host_rules.append(f"{own} drop")
    elif cut.scope == "clients":
        forward.append(f'{own} {other} "{address_of(APP).port}" drop')
        host_rules.append(f"{own} drop")
    elif cut.scope == "etcd":
        forward.append(f"{own} tcp dport {ETCD_PORTS} drop")
        forward.append(f"{own} tcp sport {ETCD_PORTS} drop")
    elif cut.scope == "peers":
        ports = [address_of(n).port for n in names if n not in (cut.node, APP)]
        if not ports:
            return
        between = f"{own} {other} {{ {', '.join(ports)} }}"
        # Address resolution goes on: etcd's packets between the same two hosts need it.
        forward.append(f"{between} tcp dport != {ETCD_PORTS} tcp sport != {ETCD_PORTS} drop")
        forward.append(f"{between} ether type ip ip protocol != tcp drop")
        forward.append(f"{between} ether type ip6 ip6 nexthdr != {{ tcp, icmpv6 }} drop")
