// biome-ignore-all lint/a11y/useSemanticElements: rows that do not exist until they are scrolled to are no <table>
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row
import { UnstyledButton } from '@mantine/core';
import type { InsideEntry } from '@strata/contract';
import { IconFile, IconFileUnknown, IconFolderFilled, IconLink } from '@tabler/icons-react';
import { memo } from 'react';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { ForeignName } from '../../ui/foreign-name.tsx';
import { When } from '../../ui/when.tsx';
import { rightsOf } from './entry-list.ts';
import classes from './entry-table.module.css';

interface EntryRowProps {
  id: string;
  entry: InsideEntry;
  index: number;
  /** From the top, in pixels. */
  start: number;
  isSelected: boolean;
  onSelect: (entry: InsideEntry) => void;
  onOpen: (entry: InsideEntry) => void;
}

const icons = { file: IconFile, folder: IconFolderFilled, link: IconLink, other: IconFileUnknown } as const;
const text = words.inside.files;

export const EntryRow = memo(function EntryRow(props: EntryRowProps) {
  const { id, entry, index, start, isSelected, onSelect, onOpen } = props;
  const { name, kind, size, mode, modified, target } = entry;
  const Icon = icons[kind];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keys of all its rows
    <div
      id={id}
      role="row"
      className={classes.row}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-kind={kind}
      style={{ transform: `translateY(${start}px)` }}
      onClick={() => onSelect(entry)}
    >
      <span role="rowheader" className={classes.name}>
        <Icon size={16} className={classes.icon} role="img" aria-label={text.kinds[kind]} />
        {kind === 'folder' ? (
          <UnstyledButton
            className={classes.open}
            tabIndex={-1}
            onClick={(event) => {
              event.stopPropagation();
              onOpen(entry);
            }}
          >
            <ForeignName name={name} />
          </UnstyledButton>
        ) : (
          <ForeignName name={name} className={classes.text} />
        )}
        {target === null ? null : (
          <bdi className={classes.target} title={visibleName(target)}>
            {text.pointsTo(visibleName(target))}
          </bdi>
        )}
      </span>
      <span role="gridcell" className={classes.size}>
        {kind === 'file' ? <Bytes value={size} /> : null}
      </span>
      <span role="gridcell" className={classes.modified}>
        {modified === null ? words.library.none : <When at={modified} />}
      </span>
      <span role="gridcell" className={classes.mode}>
        {rightsOf(mode)}
      </span>
    </div>
  );
});
