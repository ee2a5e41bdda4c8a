"""What the petter must do, each in a machine of its own: CASES is filled in by @case."""

import re
from dataclasses import dataclass

from machine import BMC, ESB, TCO

CASES = []
EARLY = 0.3  # a device may fire that much before the instant expected: the clocks of two machines
LATE = 0.25  # and never later than this after it: the least margin of a permit

ESB_ON = "modprobe i6300esb\n"
SOFTDOG_ON = "modprobe softdog\n"
BMC_ON = "modprobe ipmi_si\nmodprobe ipmi_devintf\n"
TCO_ON = "modprobe i2c_i801\nmodprobe lpc_ich\nmodprobe iTCO_wdt\n"


@dataclass
class Case:
    name: str
    what: str
    run: object
    script: str
    devices: list
    options: dict


def case(script, devices=(), **options):
    def register(function):
        name = function.__name__
        CASES.append(Case(name, function.__doc__.strip(), function, script, list(devices), options))
        return function

    return register


def expect(claim, what):
    if not claim:
        raise AssertionError(f"not so: {what}")


def field(text, name):
    return float(re.search(rf"\b{name}=([\d.]+)", text)[1])


def last(m, pattern):
    """The last line so far that matches: its match."""
    found = [match for entry in m.lines for match in [re.search(pattern, entry.text)] if match]
    expect(found, f"a line {pattern!r}")
    return found[-1]


def fired(m, w, timeout=60):
    """Reset in time: not before the last permitted pet could have led to it, never after permit + W."""
    at = m.reset(timeout)
    permit = float(last(m, r"PERMIT \S+ until=([\d.]+)")[1])
    after = m.clock(at) - permit
    expect(w * 0.75 - EARLY <= after <= w + LATE, f"reset {after:.2f} s after the permit, W is {w:.2f}")
    return f"W {w:.1f} s, reset {after:.2f} s after the permit"


def granted(m):
    return field(last(m, r"STATE \S+ armed=yes.*").group(0), "W")


# ---- each back end: pets, is disarmed, stays up, is armed again, resets in time ----

ROUND = """petter {options}
mind arm:{within} keep:{keep}:1500:300 revoke disarm
stay {idle}
mind epoch:8 arm:{within} keep:{keep}:1500:300 wait:300
stay 30
"""


def whole_round(m, w):
    m.line(r"RESULT main done", 150)
    expect(granted(m) == w, f"W is {w}, not {granted(m)}")
    m.line(r"MIND-DONE")
    m.line(r"MIND-DONE", 150, m.line(r"MIND-DONE")[0] + 1)
    expect(not m.was_reset(), "it stays up while it is petted, and after DISARM")
    return fired(m, w)


def round_of(within, keep, idle, options=""):
    return ROUND.format(within=within, keep=keep, idle=idle, options=options)


@case(ESB_ON + round_of(2900, 4000, 5), ESB)
def i6300esb(m):
    """i6300esb: pets, disarms, resets in time"""
    return whole_round(m, 2)


@case(SOFTDOG_ON + round_of(2000, 4000, 5))
def softdog(m):
    """softdog: pets, disarms, resets in time"""
    m.line(r"only softdog is there")
    return whole_round(m, 2)


@case(BMC_ON + "modprobe ipmi_watchdog action=reset\n" + round_of(2000, 4000, 5), BMC)
def ipmi_driver(m):
    """ipmi_watchdog: pets, disarms, resets in time"""
    return whole_round(m, 2)


@case(BMC_ON + round_of(4000, 6000, 9, "--ipmi-action cycle"), BMC)
def ipmi_direct(m):
    """a BMC spoken to directly; it refuses a power cycle, so a reset"""
    expect(m.line(r"STATE main armed=yes.*device=/dev/ipmi0"), "the BMC is armed")
    return whole_round(m, 4)


@case(TCO_ON + round_of(5000, 8000, 13), TCO)
def itco(m):
    """iTCO fires at twice its timeout, and takes none below 3 s"""
    whole = whole_round(m, 6)
    expect(field(last(m, r"STATE main armed=yes.*").group(0), "granted") == 3, "granted 3 s")
    return whole


# ---- the right ends ----


@case(ESB_ON + "petter\nmind arm:4000 keep:1500:5000:300 revoke\nmind cluster:other arm:4000\nstay 10\n", ESB)
def revoked(m):
    """REVOKE without a confirmed fence: petting stops at once, and no other cluster may arm"""
    _, _, line = m.line(r"RESULT main done", 150, m.line(r"PERMIT")[0])
    m.line(r"RESULT other refused the permit of main is over .* about to be reset")
    after = m.clock(m.reset()) - line.guest
    expect(3 - EARLY <= after <= 4 + LATE, f"reset {after:.2f} s after REVOKE, W is 4")
    return f"reset {after:.2f} s after REVOKE, W 4 s"


@case(ESB_ON + "petter\nmind arm:1000 keep:4000:700:150 wait:100\nstay 10\n", ESB)
def short(m):
    """W of one second, permits of 0.7 s"""
    m.line(r"MIND-DONE")
    return fired(m, 1)


@case(ESB_ON + "petter\nmind arm:2000 standing:1000 wait:6000 permit:1500 wait:200\nstay 10\n", ESB)
def standing(m):
    """pause: a standing permit pets past its deadline; dropped, the deadline counts"""
    m.line(r"MIND-DONE")
    expect(not m.was_reset(), "it stays up under a standing permit")
    return fired(m, 2)


@case(ESB_ON + SOFTDOG_ON + """petter
mind arm:3000 keep:60000:5000:300 &
sleep 1
mind cluster:other arm:3000:/dev/watchdog1
mind cluster:other arm:2000 keep:3000:1500:300 revoke disarm
say OTHER-GONE
stay 4
mind cluster:other epoch:9 arm:3000 permit:1500
stay 20
""", ESB)  # fmt: skip
def two_clusters(m):
    """two clusters: another device is refused, W shrinks, the lapse of one is enough"""
    m.line(r"RESULT other refused /dev/watchdog1 is asked for, but .* main has /dev/watchdog0 armed")
    m.line(r"STATE other armed=yes W=2.000")
    m.line(r"STATE main armed=yes W=2.000")
    m.line(r"OTHER-GONE")
    m.line(r"UP 4")
    expect(not m.was_reset(), "DISARM of one cluster leaves the other's petted")
    at = m.reset()
    after = m.clock(at) - float(last(m, r"PERMIT other until=([\d.]+)")[1])
    expect(1.5 - EARLY <= after <= 2 + LATE, f"reset {after:.2f} s after the permit of one")
    return f"reset {after:.2f} s after the permit of one"


# ---- a BMC that is slow: a pet that ends after the permit means a device that fires later than promised ----

LATE_PET = BMC_ON + """petter
mind arm:4000 wait:1500 late:{ends} wait:3000
stay 20
"""
AS_FOUND = [0x03, 0x01, 0, 0, 0x58, 0x02]  # the firmware's own: OS load, hard reset, 60 s


def late_pet(m, hold, why):
    m.line(r"STATE main armed=yes W=4.000.*device=/dev/ipmi0")
    m.line(r"PERMIT main until=")
    m.bmc.hold = hold
    m.line(rf"resetting this host now: {why}: the permit of main \(epoch 7\) lapsed")
    after = m.clock(m.reset()) - float(last(m, r"PERMIT \S+ until=([\d.]+)")[1])
    expect(0 < after < 2, f"reset {after:.2f} s after the permit, at once")
    return f"reset {after:.2f} s after the permit; the device would have taken 4 s"


@case(LATE_PET.format(ends=1150), bmc=AS_FOUND)
def late_pet_reset(m):
    """a pet that ended after the permit: the host is reset at once"""
    return late_pet(m, 0.3, "a pet ended too late")


@case(LATE_PET.format(ends=1620), bmc=AS_FOUND)
def pending_pet_reset(m):
    """a pet that is not answered when the permit ends: the same"""
    return late_pet(m, 5, "a pet is still on its way")


@case(BMC_ON + "petter --ipmi-action cycle\nmind arm:4000 keep:2500:1500:300 revoke disarm\n", bmc=AS_FOUND)
def bmc_is_restored(m):
    """what the BMC had is put back; armed it was SMS/OS, power cycle, an NMI a second before"""
    m.line(r"SCRIPT-END")
    armed, restored = m.bmc.sets[0], m.bmc.sets[-1]
    expect(armed == bytes([0x04, 0x23, 1, 0x3E, 40, 0]), f"armed as {armed.hex(' ')}")
    expect(restored[:3] + restored[4:] == bytes([0x03, 0x01, 0, 0x58, 0x02]), f"restored as {restored.hex(' ')}")
    expect(not m.bmc.running, "it does not run")
    return f"armed {armed.hex(' ')}, restored {restored.hex(' ')}"


# ---- restarts ----


@case(ESB_ON + """petter
mind arm:2000 keep:8000:1500:300 state &
sleep 1
for i in 1 2 3 4 5; do sleep 1; kill -9 $(cat /run/watchdogd.pid); done
wait %2
stay 15
""", ESB)  # fmt: skip
def restart(m):
    """killed five times: the fd store's device and table, no pet missed"""
    m.line(r"LAST main armed=yes W=2.000")
    expect(not m.was_reset(), "it stays up through the restarts")
    expect(sum("KEEPER ready" in entry.text for entry in m.lines) >= 6, "it started six times")
    m.line(r"going on with /dev/watchdog0")
    return fired(m, 2)


@case(ESB_ON + "KEEPER=--forget-table\npetter\nmind arm:3000 permit:60000 wait:1000\n"
      "say KILLING\nkill -9 $(cat /run/watchdogd.pid)\nsleep 1\n"
      "mind epoch:8 arm:3000 permit:60000 wait:500\nstay 20\n", ESB)  # fmt: skip
def table_lost(m):
    """the device without its table: no pet any more, whatever a mind says"""
    _, _, line = m.line(r"KILLING")
    m.line(r"RESULT main refused the device was armed by a process whose table is lost")
    after = m.clock(m.reset()) - line.guest
    expect(after <= 3 + LATE, f"reset {after:.2f} s after the loss, W is 3")
    return f"reset {after:.2f} s after the loss, W 3 s"


# ---- a petter, or a machine, in trouble ----


@case(ESB_ON + "petter\nmind arm:2000 permit:60000 wait:1500\n"
      "say STOPPED\nkill -STOP $(cat /run/watchdogd.pid)\nstay 20\n", ESB)  # fmt: skip
def hung(m):
    """SIGSTOP of the petter: the device bites"""
    _, _, line = m.line(r"STOPPED")
    after = m.clock(m.reset()) - line.guest
    expect(1.5 - EARLY <= after <= 2 + LATE, f"reset {after:.2f} s after SIGSTOP, W is 2")
    return f"reset {after:.2f} s after SIGSTOP, W 2 s"


@case(ESB_ON + "petter\nmind arm:6000 permit:3500 wait:3000\n"
      "kill -STOP $(cat /run/watchdogd.pid)\nsleep 1.5\nsay GOES-ON\nkill -CONT $(cat /run/watchdogd.pid)\n"
      "stay 20\n", ESB)  # fmt: skip
def woken_late(m):
    """stopped past the permit and woken before the device fires: it does not pet"""
    m.line(r"no longer petted: the permit of main \(epoch 7\) is over")
    at = m.reset()
    permit = float(last(m, r"PERMIT \S+ until=([\d.]+)")[1])
    after = m.clock(at) - permit
    expect(0 < after <= 6 + LATE, f"reset {after:.2f} s after the permit, W is 6")
    return f"reset {after:.2f} s after the permit, W 6 s"


@case(ESB_ON + "petter\nmind arm:2000 permit:60000 wait:1500\nsay PANIC\n"
      "echo 1 >/proc/sys/kernel/sysrq\necho c >/proc/sysrq-trigger\n", ESB)  # fmt: skip
def panic(m):
    """a kernel panic that hangs: the hardware bites"""
    _, _, line = m.line(r"PANIC")
    after = m.clock(m.reset()) - line.guest
    expect(1.5 - EARLY <= after <= 2 + LATE, f"reset {after:.2f} s after the panic, W is 2")
    return f"reset {after:.2f} s after the panic, W 2 s"


@case(SOFTDOG_ON + "petter\nmind arm:1000 permit:60000 wait:500\nsay PANIC\n"
      "echo 1 >/proc/sys/kernel/sysrq\necho c >/proc/sysrq-trigger\n")  # fmt: skip
def panic_softdog(m):
    """a kernel panic under softdog resets nothing, which is why it comes last and is told"""
    m.line(r"PANIC")
    try:
        m.reset(6)
    except AssertionError:
        return "no reset in 6 s, W 1 s"
    raise AssertionError("softdog fired in a panic: docs and docs/man say that it does not")


HOG = """petter
mind arm:2000 permit:60000 wait:1500
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
say HOG
exec load rt
"""


def hogged(m):
    _, _, line = m.line(r"HOG")
    after = m.clock(m.reset()) - line.guest
    expect(1.5 - EARLY <= after <= 2 + LATE, f"reset {after:.2f} s after the hog began, W is 2")
    return f"reset {after:.2f} s after the hog began, W 2 s"


@case(ESB_ON + HOG, ESB)
def hog(m):
    """a hog at SCHED_FIFO 99 on the only processor: the device bites"""
    return hogged(m)


@case(SOFTDOG_ON + HOG)
def hog_softdog(m):
    """the same under softdog"""
    return hogged(m)


@case(ESB_ON + """petter
mind arm:2000 keep:9000:1500:300 wait:200 &
sleep 2
date -s @$(($(date +%s) + 3600))
sleep 3
date -s @$(($(date +%s) - 7200))
wait %2
stay 15
""", ESB)  # fmt: skip
def clock_step(m):
    """the date stepped by an hour, and back by two: nothing changes"""
    m.line(r"MIND-DONE")
    expect(not m.was_reset(), "it stays up through the steps")
    return fired(m, 2)


LOAD = """petter
load cpu 8 &
load memory 160 &
load memory 160 &
load clock {ms} &
mind arm:1000 keep:{ms}:3000:200 permit:9000 state revoke disarm
wait %5
stay 60
"""


@case(ESB_ON + LOAD, ESB, load=True, memory=384)
def load(m):
    """8 hogs and memory pressure, W of one second: no pet missed"""
    line = m.line(r"LAST main armed=yes", 900)[1].string
    expect(not m.was_reset(), "it stays up under load")
    stall = field(line, "stall")
    machine = field(m.line(r"CLOCK worst=")[1].string, "worst")
    expect(stall < machine + 0.02, f"the worst pet was {stall * 1000:.1f} ms late, the machine {machine * 1000:.1f} ms")
    return f"worst pet {stall * 1000:.1f} ms late, of which the machine itself was {machine * 1000:.1f} ms"


@case(ESB_ON + "petter\nmind arm:2000 permit:60000 wait:1000\n"
      "echo PSS $(awk '/^[0-9a-f]+-/ { lib = /[.]so/ } /^Pss:/ { if (lib) l += $2; else own += $2 }"
      " END { print own, l }' /proc/$(cat /run/watchdogd.pid)/smaps)\n"
      "echo LOCKED $(grep '^VmLck' /proc/$(cat /run/watchdogd.pid)/status)\n"
      "mind revoke disarm\n", ESB)  # fmt: skip
def memory(m):
    """locked in memory, and little of it: here nobody shares libc, which elsewhere everybody does"""
    own, libraries = (int(n) for n in m.line(r"PSS (\d+) (\d+)")[1].groups())
    locked = int(m.line(r"LOCKED VmLck: +(\d+) kB")[1][1])
    expect(own < 512, f"{own} kB of its own")
    expect(locked > 0, "it is locked in memory")
    return f"{own} kB of its own, {libraries} kB of libc unshared"


# ---- devices that do not do as one would like ----


@case("modprobe softdog nowayout=1\npetter\nmind arm:2000 keep:1500:1000:300 revoke disarm\n"
      "stay 6\nsay STOPPED\nkill -STOP $(cat /run/watchdogd.pid)\nstay 20\n")  # fmt: skip
def nowayout(m):
    """nowayout: told, petted on after DISARM, and a hung petter resets the host"""
    m.line(r"cannot be disarmed \(nowayout\)")
    m.line(r"UP 6")
    expect(not m.was_reset(), "it is petted on after DISARM")
    _, _, line = m.line(r"STOPPED")
    after = m.clock(m.reset()) - line.guest
    expect(after <= 2 + LATE, f"reset {after:.2f} s after SIGSTOP, W is 2")
    return f"petted unarmed; reset {after:.2f} s after SIGSTOP"


@case(ESB_ON + """cp /bin/load /bin/sbd
sbd hold /dev/watchdog0 &
sleep 0.5
palisade-watchdogd --list
palisade-watchdogd --test --yes
mkdir -p /etc/systemd
printf '[Manager]\\nRuntimeWatchdogSec=30\\n' >/etc/systemd/system.conf
petter
mind arm:2000
modprobe softdog
give_devices
mind epoch:8 arm:2000 keep:1000:1500:300 revoke disarm
""", ESB)  # fmt: skip
def conflict(m):
    """a device that is held: who has it, and what to do; softdog instead, loudly"""
    m.line(r"/dev/watchdog0: busy: held by sbd, pid \d+; ")
    m.line(r"RESULT main refused /dev/watchdog0: busy: systemd pets it \(RuntimeWatchdogSec in "
           r"/etc/systemd/system.conf\); set RuntimeWatchdogSec=off")  # fmt: skip
    m.line(r"RESULT main done only softdog is there.*/dev/watchdog0: busy")
    m.line(r"SCRIPT-END")
    return "held by sbd; systemd's RuntimeWatchdogSec; softdog taken"


@case("palisade-watchdogd --list\npetter\nmind arm:2000 wait:100\n")
def nothing_there(m):
    """no device at all: served all the same, and told"""
    m.line(r"nothing can be armed: no watchdog device")
    m.line(r"KEEPER ready")
    m.line(r"RESULT main refused no watchdog device: load its driver, or softdog")
    m.line(r"SCRIPT-END")
    return "READY, and ARM refused with the reason"


# ---- why it went down ----

SECOND = """second=/var/lib/palisade-watchdogd/second
if [ -f $second ]; then
	petter
	mind state
	kill $(cat /run/watchdogd.pid)
	sleep 1
	mind state
	palisade-watchdogd --list
	say SCRIPT-END
	poweroff -f
fi
touch $second
sync
"""


@case(ESB_ON + SECOND + "petter\nmind arm:4000 permit:60000 wait:500 'reset:the operator wants it' wait:3000\n"
      "stay 10\n", ESB, reboots=True)  # fmt: skip
def asked_reset(m):
    """RESET with a reason: at once, and told after the boot, also by the next process"""
    asked = m.line(r"ASKED-RESET")[2]
    after = m.clock(m.reset()) - asked.guest
    expect(after < 1, f"reset {after:.2f} s after it was asked for")
    i = m.line(r"why this host went down: the operator wants it \(\d{4}-")[0]
    i = m.line(r"LAST main armed=no .*boot=the operator wants it", 150, i)[0]
    m.line(r"LAST main armed=no .*boot=the operator wants it", 150, i + 1)
    return f"reset {after:.2f} s after it was asked for; the reason was told"


@case(ESB_ON + SECOND + "petter\nmind arm:2000 keep:1000:1000:300\nstay 20\n", ESB, reboots=True)
def reason_of_a_lapse(m):
    """petting stopped, the device bit: the boot after it says which permit had lapsed"""
    m.line(r"LAST main armed=no .*boot=petting was stopped and the watchdog reset this host: "
           r"the permit of main \(epoch 7\) lapsed", 150)  # fmt: skip
    return "the permit of main (epoch 7) lapsed"


@case(ESB_ON + SECOND + "petter\nmind arm:2000 permit:60000 wait:1000\n"
      "kill -STOP $(cat /run/watchdogd.pid)\nstay 20\n", ESB, reboots=True)  # fmt: skip
def reason_by_the_driver(m):
    """a hung petter wrote nothing: the driver says that it was the watchdog"""
    m.line(r"LAST main armed=no .*boot=/dev/watchdog0 \(i6300ESB timer\) reset this host, and nothing", 150)
    return "WDIOC_GETBOOTSTATUS"


@case(ESB_ON + SECOND + "echo yes | palisade-watchdogd --test\nsay REFUSED\n"
      "hostname | palisade-watchdogd --test --timeout 3\nstay 10\n", ESB, reboots=True)  # fmt: skip
def trial(m):
    """--test: asks for the host's name, resets the machine, and the next boot says how long it took"""
    i = m.line(r"not confirmed: nothing was done")[0]
    m.line(r"REFUSED", 150, i)
    m.line(r"pet 3 of 3")
    _, _, line = m.line(r"last pet; a reset is expected in 3.0 s")
    after = m.reset() - line.host
    expect(3 - EARLY <= after <= 3 + LATE, f"reset {after:.2f} s after the last pet")
    told = m.line(r"last test: /dev/watchdog0 \(i6300ESB timer\), timeout 3 s, reset ([\d.]+) s .*, factor", 150)[1]
    expect(2.7 <= float(told[1]) <= 3.2, f"it measured {told[1]} s")
    return f"measured {told[1]} s by itself, {after:.2f} s from outside"
