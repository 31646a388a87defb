#!/bin/sh
# In a unit of the virtual machine's systemd: runs the tests of this boot, leaves their exit code and the journal in the job folder, and
# lets the machine go down in the way that it is to.
. /slipway-job/settings
export HOME=/root LANG=C.UTF-8 TERM=dumb

cd "$CHECKOUT" && sh /slipway-job/command.sh </dev/null
echo $? >/slipway-job/exit-code
journalctl --boot --no-pager >/slipway-job/journal 2>&1
sync
systemctl --no-block --job-mode=replace-irreversibly start reboot.target
