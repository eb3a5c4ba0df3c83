/**
 * Mounts an overlay of layers. May import: @noos/linux.
 */
import { mount } from '@noos/linux';

export interface OverlayMount {
  /** Directories, topmost first, as paths relative to `directory`. */
  lower: readonly string[];
  upper: string;
  work: string;
  target: string;
  directory: string;
}

/**
 * The upper directory stays a plain difference: no redirects of renamed directories, no metadata-only copies, no
 * index (kernel documentation, overlayfs.rst). Redirects found in a layer are not followed.
 */
const plainOptions = 'redirect_dir=nofollow,metacopy=off,index=off';

export const mountOverlay = ({ lower, upper, work, target, directory }: OverlayMount): Promise<void> =>
  mount({
    source: 'overlay',
    target,
    type: 'overlay',
    data: `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},${plainOptions}`,
    directory,
  });
