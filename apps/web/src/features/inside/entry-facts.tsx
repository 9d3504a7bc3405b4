import type { InsideEntry } from '@strata/contract';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { ForeignName } from '../../ui/foreign-name.tsx';
import { When } from '../../ui/when.tsx';
import { rightsOf } from './entry-list.ts';
import classes from './preview-pane.module.css';

const { preview, files } = words.inside;

export function EntryFacts({ entry }: { entry: InsideEntry }) {
  const { name, raw, kind, size, mode, modified, target } = entry;
  return (
    <>
      <h2 className={classes.name}>
        <ForeignName name={name} />
      </h2>
      {raw === undefined ? null : <p className={classes.muted}>{files.badName}</p>}
      <dl className={classes.facts}>
        <dt>{preview.kind}</dt>
        <dd>{files.kinds[kind]}</dd>
        {kind === 'file' ? (
          <>
            <dt>{preview.size}</dt>
            <dd>
              <Bytes value={size} />
            </dd>
          </>
        ) : null}
        {modified === null ? null : (
          <>
            <dt>{preview.modified}</dt>
            <dd>
              <When at={modified} />
            </dd>
          </>
        )}
        <dt>{preview.mode}</dt>
        <dd>
          <code>{rightsOf(mode)}</code>
        </dd>
        {target === null ? null : (
          <>
            <dt>{preview.target}</dt>
            <dd>
              <bdi>
                <code>{visibleName(target)}</code>
              </bdi>
              <span className={classes.why}>{preview.targetWhy}</span>
            </dd>
          </>
        )}
      </dl>
    </>
  );
}
