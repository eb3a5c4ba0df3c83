export { fragmentsTick } from './iface/fragments';
export { receiveFrame } from './iface/input';
export { interfaceConfigure, interfaceSetAnyAddress } from './iface/interface';
export {
  ipv4Send,
  outputFeatures,
  pathMtuBytes,
  sourceAddressFor,
  transportBuffer,
} from './iface/ipv4-output';
export { neighboursTick } from './iface/neighbours';
export { interfaceSetAddress } from './iface/routes';
