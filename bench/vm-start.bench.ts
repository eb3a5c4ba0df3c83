/** `vm` target under QEMU's TCG over TAP: start of QEMU to the first HTTP 200, and the guest's part of it. */
import { startServer } from './first-answer.js';
import { buildImage, guestPort, runtimeVm } from './hello.js';
import { median, reportBound } from './report.js';
import { createTap, enterNamespace, guestAddress, guestMac, hostAddress, tapName } from './tap-network.js';

const rounds = 9;
const boundMs = 600;

/** QEMU as `noos run --target vm` configures it (docs/target-vm.md), the console on standard output. */
function qemuArguments(image: string): string[] {
  const commandLine = [
    `net.0.ipv4=${guestAddress}/24`,
    `net.0.gateway=${hostAddress}`,
    'noos.image=checked',
    'noos.report=start',
  ];
  return [
    ...['-M', 'microvm,acpi=off,pit=off,pic=off,rtc=on,x-option-roms=off', '-accel', 'tcg', '-cpu', 'max'],
    ...['-m', '128', '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ...['-global', 'virtio-mmio.force-legacy=false', '-device', 'virtio-rng-device'],
    ...['-netdev', `tap,id=n,ifname=${tapName},script=no,downscript=no,vnet_hdr=on`],
    ...['-device', `virtio-net-device,netdev=n,mac=${guestMac}`],
    ...['-kernel', runtimeVm, '-initrd', image, '-append', commandLine.join(' ')],
  ];
}

enterNamespace();
createTap();
const image = buildImage('examples/hello');
const firstAnswersMs: number[] = [];
const reports: string[] = [];
for (let round = 0; round < rounds; round++) {
  const started = await startServer('qemu-system-x86_64', qemuArguments(image), guestAddress, guestPort);
  firstAnswersMs.push(started.firstAnswerMs);
  reports.push(started.output());
  await started.stop();
}
reportBound('vm under TCG, start of QEMU to first HTTP 200 in ms (median)', median(firstAnswersMs), boundMs);
console.log(`rounds: ${firstAnswersMs.map((ms) => ms.toFixed(0)).join(' ')}`);
console.log(`the machine's own report: ${reports.at(-1)?.trim().split('\n')[0]}`);
