import type { ChecksumAlgorithm, Image, ImageChecksum } from '@strata/contract';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { When } from '../../ui/when.tsx';
import classes from './checksum-facts.module.css';

type Shown = { readonly algorithm: ChecksumAlgorithm; readonly value: string } & Partial<ImageChecksum>;

/** Sums to be compared by eye or copied, with what is known of each. */
export function SumList({ sums }: { sums: readonly Shown[] }) {
  const { checksum } = words.imageChanges;
  return (
    <ul className={classes.sums}>
      {sums.map((sum) => (
        <li key={sum.algorithm} className={classes.sum}>
          <b>{checksum.names[sum.algorithm]}</b>
          <State {...sum} />
          {sum.at === undefined ? null : <When at={sum.at} />}
          <CopyButton compact text={sum.value} label={checksum.copy} />
          <code>{sum.value}</code>
          {sum.void == null ? null : <span className={classes.void}>{checksum.void(sum.void)}</span>}
        </li>
      ))}
    </ul>
  );
}

function State({ verified, void: reason }: Partial<ImageChecksum>) {
  const { states } = words.imageChanges.checksum;
  if (verified === undefined || reason != null) return null;
  if (verified === null) return <span>{states.computed}</span>;
  const state = verified ? 'verified' : 'mismatch';
  return <b className={classes[state]}>{states[state]}</b>;
}

/** Beside the name of an image whose sum was compared and still holds. */
export function VerifiedMark({ image: { checksums } }: { image: Pick<Image, 'checksums'> }) {
  const { verifiedMark, mismatchMark } = words.imageChanges.checksum;
  const valid = checksums.filter((sum) => sum.void === null && sum.verified !== null);
  if (valid.length === 0) return null;
  const isWrong = valid.some(({ verified }) => verified === false);
  const Icon = isWrong ? IconShieldX : IconShieldCheck;
  return (
    <Icon
      size={14}
      className={`${classes.mark} ${isWrong ? classes.mismatch : classes.verified}`}
      role="img"
      aria-label={isWrong ? mismatchMark : verifiedMark}
    />
  );
}
