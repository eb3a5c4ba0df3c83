// The platform interface as AssemblyScript externs; in: nothing, out: the door. May import: abi's generated view.
export * from '../../../abi/generated/platform.as';
export { abort } from './abort';
