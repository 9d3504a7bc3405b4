import type { Image } from '@strata/contract';

/** What an internal snapshot is called: as the snapshot of the VM that it is; otherwise its tag is its name. */
export const internalName = ({ usedBy }: Pick<Image, 'usedBy'>, tag: string): string =>
  usedBy.find((use) => use.kind === 'snapshot' && use.tag === tag)?.name ?? tag;

/** Those that no snapshot of a VM is. */
export const strangeTags = ({
  usedBy,
  internalSnapshots,
}: Pick<Image, 'usedBy' | 'internalSnapshots'>): Image['internalSnapshots'] =>
  internalSnapshots.filter(({ tag }) => !usedBy.some((use) => use.kind === 'snapshot' && use.tag === tag));
