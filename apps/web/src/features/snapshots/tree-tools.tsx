import { Button, CloseButton, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import type { SnapshotRow } from './snapshot-rows.ts';
import classes from './tree-tools.module.css';

interface TreeToolsProps {
  rows: readonly SnapshotRow[];
  count: number;
  search: string;
  onSearch: (search: string) => void;
  folded: ReadonlySet<string>;
  onFolded: (folded: ReadonlySet<string>) => void;
  /** Why the branch cannot be thinned out now; undefined: there is nothing to thin out. */
  thinRefusal: string | null | undefined;
  onThin: () => void;
}

/** Above the tree: how many there are, looking for one, and folding what lies beside one's own branch. */
export function TreeTools(props: TreeToolsProps) {
  const { rows, count, search, onSearch, folded, onFolded, thinRefusal, onThin } = props;
  const { tools } = words.snapshots;
  const sides = rows.filter(
    ({ foldable, lane, parentLane }) => foldable && parentLane !== null && lane !== parentLane,
  );
  const found = rows.filter(({ snapshot }) => snapshot !== null).length;
  return (
    <header className={classes.tools}>
      <h2 className={classes.title}>
        {search === '' ? words.snapshots.count(count) : tools.found(found, count)}
      </h2>
      {folded.size > 0 ? (
        <Button
          size="compact-sm"
          variant="subtle"
          className={classes.fold ?? ''}
          onClick={() => onFolded(new Set())}
        >
          {tools.unfold}
        </Button>
      ) : sides.length > 0 ? (
        <Button
          size="compact-sm"
          variant="subtle"
          className={classes.fold ?? ''}
          onClick={() => onFolded(new Set(sides.map(({ id }) => id)))}
        >
          {tools.fold}
        </Button>
      ) : null}
      {thinRefusal === undefined ? null : (
        <ReasonedButton
          size="compact-sm"
          variant="subtle"
          className={classes.fold ?? ''}
          reason={thinRefusal}
          onClick={onThin}
        >
          {tools.thin}
        </ReasonedButton>
      )}
      <TextInput
        size="xs"
        className={classes.search ?? ''}
        aria-label={tools.search}
        placeholder={tools.search}
        leftSection={<IconSearch size={14} aria-hidden />}
        rightSection={
          search === '' ? null : (
            <CloseButton size="xs" aria-label={tools.clear} onClick={() => onSearch('')} />
          )
        }
        value={search}
        onChange={(event) => onSearch(event.currentTarget.value)}
      />
    </header>
  );
}
