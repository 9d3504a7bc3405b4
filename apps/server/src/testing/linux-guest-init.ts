/**
 * /init of the test guest: loads the drivers, says READY, and answers one line for each line it is sent, on ttyS0.
 *
 *     #7 sum /dev/vda 0 16        →   @7 ok 9f86d081…
 *
 * Offsets and lengths are blocks of 4096 bytes. What `write` writes is `patternBytes` of linux-guest.ts.
 */
export const guestInit = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /tmp /etc/acpi/PWRF
for module in $(cat /modules.order); do insmod "/modules/$module" 2>/dev/null; done
# The power button: busybox' acpid runs the script that is named after the event.
printf '#!/bin/sh\\necho "POWER BUTTON" > /dev/ttyS0\\nsync\\npoweroff -f\\n' > /etc/acpi/PWRF/00000080
chmod 755 /etc/acpi/PWRF/00000080
acpid -c /etc/acpi -l /dev/null 2>/dev/null
stty -F /dev/ttyS0 -echo
exec < /dev/ttyS0 > /dev/ttyS0 2>/tmp/errors

pattern() { yes "strata pattern $1" | head -c $(($2 * 4096)); }
fresh() { sync; echo 3 > /proc/sys/vm/drop_caches; }
write() { pattern "$4" "$3" | dd of="$1" bs=4096 seek="$2" conv=notrunc,fsync 2>/dev/null && echo "ok"; }
zero() { dd if=/dev/zero of="$1" bs=4096 seek="$2" count="$3" conv=notrunc,fsync 2>/dev/null && echo "ok"; }
sum() { fresh; echo "ok $(dd if="$1" bs=4096 skip="$2" count="$3" 2>/dev/null | sha256sum | cut -d' ' -f1)"; }
check() { [ "$(sum "$1" "$2" "$3")" = "ok $(pattern "$4" "$3" | sha256sum | cut -d' ' -f1)" ] && echo "ok same" || echo "ok different"; }
entry() { yes "log entry $1" | head -c 4096; }

# Keeps writing numbered entries round a ring of blocks, each flushed before the next one is begun.
log_run() {
  number=0
  while [ ! -e /tmp/log.stop ]; do
    entry $number | dd of="$1" bs=4096 seek=$(($2 + number % $3)) conv=notrunc,fsync 2>/dev/null || { echo "failed at $number" > /tmp/log.failed; break; }
    number=$((number + 1))
    echo $number > /tmp/log.next && mv /tmp/log.next /tmp/log.count
  done
  echo done > /tmp/log.ended
}
log_start() { rm -f /tmp/log.*; echo 0 > /tmp/log.count; echo "$1 $2 $3" > /tmp/log.where; ( exec > /dev/null; log_run "$1" "$2" "$3" ) & echo "ok"; }
log_stop() { touch /tmp/log.stop; while [ ! -e /tmp/log.ended ]; do usleep 20000; done; cat /tmp/log.failed 2>/dev/null || echo "ok $(cat /tmp/log.count)"; }
# Each block of the ring holds the newest entry that was written to it: nothing lost, nothing old.
log_check() {
  fresh
  set -- $(cat /tmp/log.where) $(cat /tmp/log.count)
  first=$(($4 > $3 ? $4 - $3 : 0)); number=$first; bad=0
  while [ $number -lt $4 ]; do
    entry $number > /tmp/want
    dd if="$1" bs=4096 skip=$(($2 + number % $3)) count=1 2>/dev/null | cmp -s - /tmp/want || bad=$((bad + 1))
    number=$((number + 1))
  done
  [ $bad -eq 0 ] && echo "ok $(($4 - first))" || echo "bad $bad of $(($4 - first))"
}

# A log in which every entry holds the checksum of the one before it. Each is flushed, and an earlier one is read back
# from the disk and compared, over and over.
ledger_entry() { yes "ledger entry $1 after $2" | head -c 4096; }
ledger_run() {
  number=0; last=start
  while [ ! -e /tmp/ledger.stop ]; do
    ledger_entry $number $last > /tmp/ledger.block
    dd if=/tmp/ledger.block of="$1" bs=4096 seek=$(($2 + number)) conv=notrunc,fsync 2>/dev/null || { echo "failed at $number" > /tmp/ledger.failed; break; }
    last=$(sha256sum < /tmp/ledger.block); last=\${last%% *}
    echo $last >> /tmp/ledger.sums
    back=$((number * 31 % (number + 1)))
    echo 1 > /proc/sys/vm/drop_caches
    found=$(dd if="$1" bs=4096 skip=$(($2 + back)) count=1 2>/dev/null | sha256sum); found=\${found%% *}
    [ "$found" = "$(sed -n "$((back + 1))p" /tmp/ledger.sums)" ] || { echo "entry $back reads otherwise after $number" > /tmp/ledger.failed; break; }
    number=$((number + 1))
    echo $number > /tmp/ledger.next && mv /tmp/ledger.next /tmp/ledger.count
  done
  echo done > /tmp/ledger.ended
}
ledger_start() { rm -f /tmp/ledger.*; echo 0 > /tmp/ledger.count; ( exec > /dev/null; ledger_run "$1" "$2" ) & echo "ok"; }
ledger_count() { cat /tmp/ledger.failed 2>/dev/null || echo "ok $(cat /tmp/ledger.count)"; }
ledger_stop() { touch /tmp/ledger.stop; while [ ! -e /tmp/ledger.ended ]; do usleep 20000; done; ledger_count; }

# Writes one block and flushes it, over and over. How long the longest took is what the kernel counts of the disk: what
# starting a program costs is not in it. In milliseconds, of writes and of flushes.
disk_ms() { read -r _ _ _ _ _ _ _ writing _ _ _ _ _ _ _ _ flushing < "/sys/block/$(basename "$1")/stat"; echo $((writing + flushing)); }
latency_run() {
  number=0; longest=0; before=$(disk_ms "$1")
  while [ ! -e /tmp/latency.stop ]; do
    dd if=/dev/zero of="$1" bs=4096 seek="$2" count=1 conv=notrunc,fsync 2>/dev/null
    now=$(disk_ms "$1"); [ $((now - before)) -gt $longest ] && longest=$((now - before)); before=$now
    number=$((number + 1))
    echo $number > /tmp/latency.next && mv /tmp/latency.next /tmp/latency.count
  done
  echo $longest > /tmp/latency.next && mv /tmp/latency.next /tmp/latency.longest
}
latency_start() { rm -f /tmp/latency.*; echo 0 > /tmp/latency.count; ( exec > /dev/null; latency_run "$1" "$2" ) & echo "ok"; }
latency_stop() { touch /tmp/latency.stop; while [ ! -e /tmp/latency.longest ]; do usleep 20000; done; echo "ok $(cat /tmp/latency.longest)"; }

# The guest agent on its channel, which udev would have given a name.
agent() {
  hostname testguest
  for port in /sys/class/virtio-ports/*; do
    [ "$(cat $port/name)" = org.qemu.guest_agent.0 ] && qemu-ga -d -m virtio-serial -p "/dev/$(basename $port)" -t /tmp -f /tmp/agent.pid -l /tmp/agent.log && echo "ok" && return
  done
  echo "failed: $(tail -n 1 /tmp/agent.log)"
}
# A file system on a disk, and a file in it that is not flushed: it lies in memory until somebody flushes it.
mount_new() { mke2fs "$1" > /dev/null 2>&1 && mkdir -p /data && mount -t ext4 "$1" /data && sync && echo "ok"; }
put() { echo "$2" > "/data/$1" && echo "ok"; }
# A log on two disks, and in memory how far it is: the three must always be of one moment. Before each entry both disks
# are read: the one before it must be there, and nothing behind it.
pair_entry() { yes "pair entry $1" | head -c 4096; }
pair_read() { dd if=$1 bs=4096 skip=$2 count=1 2>/dev/null; }
pair_run() {
  number=0
  while [ ! -e /tmp/pair.stop ]; do
    echo 1 > /proc/sys/vm/drop_caches
    for disk in $1 $2; do
      [ $number -eq 0 ] || pair_read $disk $(($3 + number - 1)) | cmp -s - /tmp/pair.entry || echo "$disk is behind at $number" > /tmp/pair.failed
      [ -z "$(pair_read $disk $(($3 + number)) | tr -d '\\000' | head -c 1)" ] || echo "$disk is ahead at $number" > /tmp/pair.failed
    done
    pair_entry $number > /tmp/pair.entry
    for disk in $1 $2; do dd if=/tmp/pair.entry of=$disk bs=4096 seek=$(($3 + number)) conv=notrunc,fsync 2>/dev/null || echo "failed at $number" > /tmp/pair.failed; done
    number=$((number + 1))
    echo $number > /tmp/pair.next && mv /tmp/pair.next /tmp/pair.count
  done
  echo done > /tmp/pair.ended
}
pair_start() { rm -f /tmp/pair.*; echo 0 > /tmp/pair.count; ( exec > /dev/null; pair_run $1 $2 $3 ) & echo "ok"; }
pair_stop() { touch /tmp/pair.stop; while [ ! -e /tmp/pair.ended ]; do usleep 20000; done; cat /tmp/pair.failed 2>/dev/null || echo "ok $(cat /tmp/pair.count)"; }

run() {
  case "$1" in
    ping) echo "ok" ;;
    agent) agent ;;
    mount-new) mount_new "$2" ;;
    put) put "$2" "$3" ;;
    disks) echo "ok $(for disk in /sys/block/vd* /sys/block/sd*; do [ -e "$disk" ] && printf '%s:%s:%s ' "$(basename $disk)" "$(cat $disk/serial 2>/dev/null)" "$(($(cat $disk/size) * 512))"; done)" ;;
    write) shift; write "$@" || echo "failed: $(tail -n 1 /tmp/errors)" ;;
    zero) shift; zero "$@" || echo "failed" ;;
    discard) blkdiscard -o $(($3 * 4096)) -l $(($4 * 4096)) "$2" && echo "ok" || echo "failed" ;;
    sum) shift; sum "$@" ;;
    check) shift; check "$@" ;;
    sync) sync; echo "ok" ;;
    log-start) shift; log_start "$@" ;;
    log-count) echo "ok $(cat /tmp/log.count)" ;;
    log-stop) log_stop ;;
    log-check) log_check ;;
    ledger-start) shift; ledger_start "$@" ;;
    ledger-count) ledger_count ;;
    ledger-stop) ledger_stop ;;
    latency-start) shift; latency_start "$@" ;;
    latency-count) echo "ok $(cat /tmp/latency.count)" ;;
    latency-stop) latency_stop ;;
    mark) echo "$2" > /tmp/mark; echo "ok" ;;
    marked) echo "ok $(cat /tmp/mark)" ;;
    burn) rm -f /tmp/burn.stop; ( exec > /dev/null; while [ ! -e /tmp/burn.stop ]; do dd if=/dev/urandom of=/tmp/burn bs=1M count="$2" 2>/dev/null; done ) & echo "ok" ;;
    burn-stop) touch /tmp/burn.stop; echo "ok" ;;
    pair-start) shift; pair_start "$@" ;;
    pair-count) echo "ok $(cat /tmp/pair.count)" ;;
    pair-stop) pair_stop ;;
    uptime) echo "ok $(cut -d' ' -f1 /proc/uptime)" ;;
    boot-id) echo "ok $(cat /proc/sys/kernel/random/boot_id)" ;;
    flood) yes "flood flood flood flood flood flood flood flood flood flood" | head -c $(($2 * 1024)) > /dev/ttyS0; echo > /dev/ttyS0; echo "ok" ;;
    poweroff) sync; poweroff -f ;;
    reboot) sync; reboot -f ;;
    panic) echo c > /proc/sysrq-trigger ;;
    *) echo "failed: no command $1" ;;
  esac
}

echo; echo READY
while read -r tag words; do
  case "$tag" in
    '#'*) answer=$(run $words); echo "@\${tag#?} $answer" ;;
  esac
done
`;
