/**
 * Texts of a request that become lines of files or strings of C: nothing may end a line or a string before its time.
 *
 * In: ContainerConfig, HostConfig. Out: DaemonError invalid that names the field. May import: container types, dns, errors.
 */
import { isWord } from '../../dns/names.js';
import { DaemonError } from '../../errors.js';
import type { ContainerConfig, HostConfig } from '../types.js';

type Texts = string | readonly string[] | null | undefined;

const each = (texts: Texts): readonly string[] =>
  texts === undefined || texts === null ? [] : typeof texts === 'string' ? [texts] : texts;

function refuse(fields: Readonly<Record<string, Texts>>, bad: (text: string) => boolean): void {
  for (const [field, texts] of Object.entries(fields))
    for (const text of each(texts))
      if (bad(text)) throw new DaemonError('invalid', `invalid ${field}: ${JSON.stringify(text)}`);
}

/** Words of /etc/hosts, /etc/hostname and /etc/resolv.conf; "" where nothing is said. */
const noWord = (text: string): boolean => text !== '' && !isWord(text);

/** Paths of control groups are lines of /proc/PID/cgroup (cgroups(7)). */
const breaksLine = (text: string): boolean => /\p{Cc}/u.test(text);

/** Arguments, environment and paths are strings of C (execve(2), mount(2)). */
const endsString = (text: string): boolean => text.includes('\0');

/** What a process is given, by a request, an image or an exec. */
export function checkProcessTexts(config: {
  Cmd?: Texts;
  Entrypoint?: Texts;
  Env?: Texts;
  User?: Texts;
  WorkingDir?: Texts;
}): void {
  const { Cmd, Entrypoint, Env, User, WorkingDir } = config;
  refuse({ Cmd, Entrypoint, Env, WorkingDir }, endsString);
  refuse({ User }, breaksLine);
}

export function checkHostTexts(config: ContainerConfig, host: HostConfig): void {
  const { ExtraHosts, Dns, DnsSearch, DnsOptions, Links, CgroupParent } = host;
  const { Hostname, Domainname } = config;
  refuse({ Hostname, Domainname, ExtraHosts, Dns, DnsSearch, DnsOptions, Links }, noWord);
  refuse({ CgroupParent }, breaksLine);
  const { Binds, GroupAdd, SecurityOpt } = host;
  const paths = (host.Mounts ?? []).flatMap(({ Source = '', Target = '' }) => [Source, Target]);
  const Tmpfs = Object.entries(host.Tmpfs ?? {}).flat();
  const Sysctls = Object.entries(host.Sysctls ?? {}).flat();
  const Annotations = Object.entries(host.Annotations ?? {}).flat();
  const Devices = (host.Devices ?? []).flatMap(({ PathOnHost = '', PathInContainer = '' }) => [
    PathOnHost,
    PathInContainer,
  ]);
  refuse({ Binds, Mounts: paths, Tmpfs, Sysctls, Annotations, Devices, GroupAdd, SecurityOpt }, endsString);
}
