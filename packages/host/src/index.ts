/** Face of the package: see docs/architecture.md. */
export { HostError, type HostErrorCode } from './errors.js';
export { type Gateway, hostName, internalDomain, startGateway } from './gateway/gateway.js';
export { formatEndpoint, type PublishedPort, parsePort } from './gateway/port-spec.js';
export {
  defaultNetwork,
  type Station,
  startUserNetwork,
  type UserNetwork,
  type UserNetworkOptions,
} from './network/user-network.js';
export { checkImage, checkRunOptions, runUnikernel } from './run.js';
export type { FirstAnswer, RunningUnikernel, RunOptions } from './run-options.js';
export { type StreamPort, streamPort } from './stream-port/stream-port.js';
export { createSwitch, type Switch } from './switch/switch.js';
export { type Observer, startNode } from './targets/node.js';
export {
  type Attachment,
  type StaticAddress,
  type TargetName,
  type TargetOptions,
  type TargetRun,
  targetNames,
} from './targets/target.js';
