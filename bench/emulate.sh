#!/usr/bin/env bash
# Runs tests with the instructions of AVX-512 and its BF16 on a processor without them, in the emulator Bochs: Debian's, with Debian's
# kernel. Needs Debian's apt-get and 600 MB in .emulate.
# Usage: bench/emulate.sh RUN PACKAGE...      RUN is of -test.run
set -euo pipefail
cd "$(dirname "$0")/.."
run=$1; shift
dir=$PWD/.emulate root=$PWD/.emulate/root suite=trixie
lib=$root/usr/lib/x86_64-linux-gnu

if [ ! -e "$root/usr/bin/bochs-bin" ]; then
  mkdir -p "$dir"/{lists,cache/archives}/partial "$root"
  touch "$dir/status"
  key=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$({ grep -hsv '^#' /etc/apt/sources.list /etc/apt/sources.list.d/* || true; } |
    grep -oE 'https?://[^ ]+/debian/?( |$)' | sed -n 1p)
  echo "deb [signed-by=$key] $mirror $suite main" > "$dir/sources"
  cat > "$dir/apt.conf" <<END
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Dir::Etc::SourceList "$dir/sources";
Dir::Etc::SourceParts "/dev/null";
Acquire::Languages "none";
END
  export APT_CONFIG=$dir/apt.conf
  apt-get -q update
  apt-get -qy install --download-only --no-install-recommends bochs bochs-term bochsbios vgabios busybox-static \
    genisoimage isolinux syslinux-common linux-image-cloud-amd64
  for deb in "$dir"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$root"; done
fi
with() { "$lib/ld-linux-x86-64.so.2" --library-path "$lib:$lib/pulseaudio" "$root/usr/bin/$1" "${@:2}"; }

rm -rf "$dir"/{init,iso} "$dir"/*.lock
mkdir -p "$dir"/init/{bin,dev,proc,sys,tmp,t} "$dir/iso/isolinux"
cp "$root/usr/bin/busybox" "$dir/init/bin/"
at=0
for package in "$@"; do
  at=$((at + 1))
  CGO_ENABLED=0 go test -c -ldflags='-s -w' -o "$dir/init/t/$at/test" "$package"
  folder=$(go list -f '{{.Dir}}' "$package")
  [ ! -d "$folder/testdata" ] || cp -r "$folder/testdata" "$dir/init/t/$at/"
  echo "$package" > "$dir/init/t/$at/name"
done
cat > "$dir/init/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp
mount -t devtmpfs dev /dev
mount -t proc proc /proc
grep -o -m1 'avx512_bf16' /proc/cpuinfo
for t in \$(ls /t); do
  cd /t/\$t
  echo "== \$(cat name)"
  ./test -test.v -test.short -test.count=1 -test.timeout=0 -test.run '$run' 2>&1 | grep -v -e '^=== ' -e '/seed#'
done
echo "== end"
reboot -f
END
chmod +x "$dir/init/init"
(cd "$dir/init" && find . | bin/busybox cpio -o -H newc > ../iso/initrd)
cp "$root"/boot/vmlinuz-* "$dir/iso/vmlinuz"
cp "$root/usr/lib/ISOLINUX/isolinux.bin" "$root/usr/lib/syslinux/modules/bios/ldlinux.c32" "$dir/iso/isolinux/"
cat > "$dir/iso/isolinux/isolinux.cfg" <<END
DEFAULT linux
LABEL linux
 KERNEL /vmlinuz
 INITRD /initrd
 APPEND console=ttyS0,115200 quiet mitigations=off nopti nokaslr no5lvl lsm=none nopcid tsc=reliable lpj=4000000 panic=-1 reboot=t
END
with genisoimage -quiet -R -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
  -boot-info-table -o "$dir/boot.iso" "$dir/iso"
cat > "$dir/bochsrc" <<END
cpu: model=sapphire_rapids, exclude_features="amx,amx_int8,amx_bf16", count=1, reset_on_triple_fault=0, ips=40000000
memory: guest=1024, host=1024
romimage: file=$root/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=$root/usr/share/bochs/VGABIOS-lgpl-latest
boot: cdrom
ata0-master: type=cdrom, path=$dir/boot.iso, status=inserted
com1: enabled=1, mode=file, dev=$dir/told
display_library: rfb, options="timeout=0"
log: $dir/bochs.log
panic: action=fatal
END
echo c > "$dir/start"
export BXSHARE=$root/usr/share/bochs LTDL_LIBRARY_PATH=$lib/bochs/plugins
rm -f "$dir/told"
with bochs-bin -q -f "$dir/bochsrc" -rc "$dir/start" < /dev/null > "$dir/bochs.out" 2>&1 || true # it ends by a reset
tr -d '\r' < "$dir/told"
grep -q '^== end' "$dir/told" && ! grep -q -e '^FAIL' -e '^panic:' "$dir/told"
