/** The face of the platform interface: specification, image layout and the generated TypeScript view. */
export * from './generated/platform.js';
export * from './image-layout.js';
export * from './intrinsics.js';
export * from './platform.js';
