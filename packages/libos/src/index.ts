/** Face of the package: see docs/architecture.md. */
export * from './device/frame-device.js';
export * from './unikernel-module.js';
