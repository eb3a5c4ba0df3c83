/**
 * Where this engine answers otherwise than Debian's dockerd 20.10, and why. Rendered into docs/api.md.
 *
 * In: nothing. Out: rules. May import: nothing.
 */

export interface Explained {
  /** The command line without `docker`. */
  step: RegExp;
  /** The line that differs, on either side. */
  line: RegExp;
  /** For the table: what is different. */
  what: string;
  why: string;
}

const newer = 'as dockerd 28 has it; the reference is 20.10';
const any = /./;
/** Steps that compare what the OCI runtime is asked for. */
const ociConfig = /^run -d .* sleep 1000$/;

export const explained: readonly Explained[] = [
  {
    step: /^info /,
    line: /^(ID|ServerVersion|InitBinary|DriverStatus\[|ContainerdCommit\.|Runtimes\.io\.containerd\.)/,
    what: '`info`: identity, version, storage status, no containerd',
    why: 'another engine: conmon watches containers, and the init is Debian’s `tini-static`',
  },
  {
    step: /^info /,
    line: /^Plugins\.(Network|Log)\[/,
    what: '`info`: network drivers `bridge`, `host`, `macvlan`, `null`; log drivers `json-file`, `local`, `none`',
    why: 'the drivers that are here',
  },
  {
    step: /^info /,
    line: /^(KernelMemory|KernelMemoryTCP) =/,
    what: '`info`: no kernel memory limits',
    why: `deprecated in the kernel, removed from dockerd since; ${newer}`,
  },
  {
    step: /^info /,
    line: /^RegistryConfig\.InsecureRegistryCIDRs|^SecurityOptions\[|^DefaultAddressPools|^CDISpecDirs/,
    what: '`info`: `::1/128` is an insecure registry too; the seccomp profile is called `builtin`',
    why: newer,
  },
  {
    step: ociConfig,
    line: /^seccomp (io_uring_|socket )/,
    what: 'seccomp: no `io_uring`, no sockets of AF_VSOCK (40) and AF_ALG (38)',
    why: 'as moby has it today; the reference is 20.10',
  },
  {
    step: ociConfig,
    line: /^seccomp (cachestat|clock_settime64|fchmodat2|futex_(requeue|wait|wake)|(get|set|list|remove)xattrat|listmount|lsm_(get_self_attr|list_modules|set_self_attr)|map_shadow_stack|mseal|name_to_handle_at|pkey_(alloc|free|mprotect)|process_vm_(readv|writev)|riscv_hwprobe|set_mempolicy_home_node|statmount|uretprobe) SCMP_ACT_ALLOW$/,
    what: 'seccomp: calls that Linux has since, `pkey_*`, `name_to_handle_at` and `process_vm_*` are allowed',
    why: newer,
  },
  {
    step: ociConfig,
    line: /SCMP_ARCH_X32|seccomp\.defaultErrnoRet = 1$/,
    what: 'seccomp: x32 only where the kernel has it; EPERM is said, not left to the OCI runtime',
    why: 'the same for programs, in less time',
  },
  {
    step: ociConfig,
    line: /^device rule access=(m allow=true type=[bc]|rwm allow=true (major=1 minor=7|major=136|major=5 minor=2) type=c|rwm allow=false major=10 minor=229 type=c)$/,
    what: 'device rules that runc adds by itself are named; FUSE is not refused a second time',
    why: 'the same in effect',
  },
  {
    step: ociConfig,
    line: /^namespace network|^linux\.sysctl\.net\./,
    what: 'the network namespace is there before the OCI runtime is asked, with its `net.` settings',
    why: 'it is wired while the root file system is mounted',
  },
  {
    step: /^run -d .* sleep 1000$|mountinfo/,
    line: /^linux\.maskedPaths\[\] = "\/(proc\/interrupts|sys\/devices\/virtual\/powercap|sys\/devices\/system\/cpu\/cpu\d+\/thermal_throttle)"$|^\/proc\/interrupts /,
    what: 'more paths are masked',
    why: newer,
  },
  {
    step: /--cap-add ALL/,
    line: /capabilities\.(bounding|effective|permitted)\[\] = "CAP_(PERFMON|BPF|CHECKPOINT_RESTORE)"$/,
    what: '`--cap-add ALL` knows CAP_PERFMON, CAP_BPF, CAP_CHECKPOINT_RESTORE',
    why: newer,
  },
  {
    step: /--init/,
    line: /^mount destination=\/sbin\/docker-init /,
    what: '`--init` is `tini-static` by its own name',
    why: 'Debian’s `docker-init` is a link to it and comes with dockerd only',
  },
  {
    step: ociConfig,
    line: /^mount .* options=(rbind,ro,rprivate|rbind,rprivate,rro) /,
    what: 'a read-only bind is read-only in all mounts below it',
    why: newer,
  },
  {
    step: /inspect/,
    line: /GraphDriver\.Data\./,
    what: 'paths of `GraphDriver.Data`',
    why: 'another layout of the data root',
  },
  {
    step: /inspect/,
    line: /\.LogPath =/,
    what: '`LogPath` names another file, and is there before the first start',
    why: 'the monitor writes its own format; `docker logs` reads it',
  },
  {
    step: /inspect/,
    line: /\.SandboxKey =/,
    what: '`SandboxKey` ends with the whole ID',
    why: 'the name of the namespace’s file',
  },
  {
    step: /inspect/,
    line: /HostConfig\.(KernelMemory|KernelMemoryTCP|MaskedPaths\[)/,
    what: 'no `KernelMemory`; `/proc/interrupts` and `/sys/devices/virtual/powercap` are masked as well',
    why: newer,
  },
  {
    step: /image inspect built/,
    line: /\.(Container|DockerVersion) =/,
    what: '`Container` and `DockerVersion` of a built image are empty',
    why: 'a build leaves no container to name, and the engine is not Docker',
  },
  {
    step: any,
    line: /[Ii]nvalid filter '/,
    what: '`invalid filter` begins with a small letter',
    why: newer,
  },
  {
    step: /^ps .*exited=abc/,
    line: /exited=abc|strconv\.Atoi/,
    what: 'a filter `exited` that is no number is named',
    why: 'clearer than the text of a Go function',
  },
  {
    step: /^run .* (nonsense|\/etc)$/,
    line: /OCI runtime create failed/,
    what: '`failed to create task for container:` stands before errors of the runtime',
    why: newer,
  },
  {
    step: /--privileged/,
    line: /exit code|unable to apply caps|CapEff/,
    what: '`--privileged` works where the daemon itself lacks capabilities',
    why: 'capabilities the daemon has not cannot be given; dockerd fails instead',
  },
  {
    step: /--cpus 1000/,
    line: /[Rr]ange of CPUs/,
    what: '`range of CPUs` begins with a small letter',
    why: newer,
  },
  {
    step: /--add-host/,
    line: /ip6-(localnet|mcastprefix)/,
    what: '`/etc/hosts` has `fe00::` for `fe00::0`',
    why: newer,
  },
  {
    step: /^exec one nonsense/,
    line: /exit code/,
    what: '`docker exec` of a program that does not exist ends with 127',
    why: `${newer} (126 is kept for one that cannot be run)`,
  },
  {
    step: /^(pause|unpause|kill|exec|rm|rename)/,
    line: /Invalid signal|[Cc]ontainer <id> is (not running|already paused|not paused)|[Cc]annot (kill|remove)|You cannot remove|Invalid container name/,
    what: 'errors about a container’s state begin with small letters; `rm` of a running one has a new text',
    why: newer,
  },
  {
    step: /^network create/,
    line: /Pool overlaps|[Ii]nvalid subnet|invalid network config/,
    what: 'errors of subnets',
    why: newer,
  },
  {
    step: /--ip 10\.(9\.9\.9|215\.0\.10)/,
    line: /[Ii]nvalid (address|config|endpoint settings)|user specified IP address|no configured subnet|^stderr: See 'docker run --help'\.$/,
    what: 'errors of `--ip` and other settings of an endpoint name the network, and tell all that is wrong',
    why: newer,
  },
  {
    step: /--aux-address a=.* --aux-address b=/,
    line: /failed to allocate secondary ip address \([ab]:/,
    what: 'of two auxiliary addresses that are the same the second is refused; dockerd names either',
    why: 'dockerd walks a map of Go, whose order is random',
  },
  {
    step: /container:nonsense/,
    line: any,
    what: '`--network container:NAME` of an unknown container fails when the container is created',
    why: 'nothing is left to remove',
  },
  {
    step: /^build -$/,
    line: /unknown instruction|no build stage/,
    what: 'errors of a Dockerfile end with line and column',
    why: 'so that the place is found',
  },
  {
    step: /^import /,
    line: /unexpected EOF/,
    what: 'an import that is no archive: `unexpected EOF`',
    why: 'no helper process whose failure would be told',
  },
];
