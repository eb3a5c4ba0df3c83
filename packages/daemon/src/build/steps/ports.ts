/**
 * Ports of EXPOSE: `80`, `53/udp`, `8000-8010/tcp` (go-connections' nat.ParsePortSpec).
 *
 * In: words. Out: `port/protocol` each, or Error with Docker's text. May import: nothing.
 */

/** Every port at most once: a range cannot name more than there are. */
const highestPort = 65535;

function range(text: string): [number, number] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2] ?? match[1]);
  return start <= end && end <= highestPort ? [start, end] : undefined;
}

/** Ports that one word of EXPOSE names. */
export function exposedPorts(word: string): string[] {
  // A host's part (`ip:public:private`) is allowed and means nothing here.
  const container = word.split(':').at(-1)!;
  const [port = '', protocolText = ''] = container.split('/');
  const protocol = (protocolText || 'tcp').toLowerCase();
  if (port === '') throw new Error(`No port specified: ${word}<empty>`);
  const found = range(port);
  if (!found) throw new Error(`Invalid containerPort: ${port}`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw new Error(`Invalid proto: ${protocolText}`);
  const ports: string[] = [];
  for (let number = found[0]; number <= found[1]; number++) ports.push(`${number}/${protocol}`);
  return ports;
}
