import { Button, SegmentedControl } from '@mantine/core';
import type { Usage } from '@strata/contract';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { Panel } from '../../ui/page.tsx';
import classes from './usage.module.css';

type Arrangement = 'vm' | 'tree' | 'other';

/** The same bytes in three arrangements. */
export function UsagePanel({ usage }: { usage: Usage }) {
  const [by, setBy] = useState<Arrangement>('vm');
  const text = words.usage.by;
  return (
    <Panel
      title={text.title}
      actions={
        <SegmentedControl
          size="xs"
          aria-label={text.label}
          value={by}
          onChange={setBy}
          data={(['vm', 'tree', 'other'] as const).map((value) => ({ value, label: text[value] }))}
        />
      }
    >
      {by === 'vm' ? <ByVm usage={usage} /> : null}
      {by === 'tree' ? <ByTree usage={usage} /> : null}
      {by === 'other' ? <Others usage={usage} /> : null}
    </Panel>
  );
}

interface UsageTableProps<Row> {
  caption: string;
  columns: readonly string[];
  rows: readonly Row[];
  rowOf: (row: Row) => ReactNode;
}

const atFirst = 50;

/** The largest first; the small ones when they are asked for. */
function UsageTable<Row>({ caption, columns, rows, rowOf }: UsageTableProps<Row>) {
  const [shown, setShown] = useState(atFirst);
  return (
    <>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <caption className="visually-hidden">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{rows.slice(0, shown).map(rowOf)}</tbody>
        </table>
      </div>
      {rows.length > shown ? (
        <Button size="compact-sm" variant="subtle" mt="xs" onClick={() => setShown(shown + 500)}>
          {words.usage.by.more(rows.length - shown)}
        </Button>
      ) : null}
    </>
  );
}

function ByVm({ usage }: { usage: Usage }) {
  const text = words.usage.by.vms;
  if (usage.vms.length === 0) return <p className={classes.muted}>{text.empty}</p>;
  const columns = [text.name, text.disks, text.snapshots, text.memory, text.rest, text.own, text.shared];
  return (
    <>
      <UsageTable
        caption={words.usage.by.vm}
        columns={columns}
        rows={usage.vms}
        rowOf={({ vmId, name, parts, own, shared, sharedWith }) => (
          <tr key={vmId}>
            <th scope="row">
              <Link to="/vms/$vmId" params={{ vmId }}>
                {name}
              </Link>
            </th>
            {[parts.disks, parts.snapshots, parts.memory, parts.firmware + parts.other, own].map(
              (bytes, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the columns have an order and no names
                <td key={index}>
                  <Bytes value={bytes} />
                </td>
              ),
            )}
            <td title={sharedWith.length > 0 ? text.sharedWith(sharedWith) : undefined}>
              <Bytes value={shared} />
            </td>
          </tr>
        )}
      />
      {usage.sharedByVms > 0 ? <p className={classes.note}>{text.note(usage.sharedByVms)}</p> : null}
    </>
  );
}

function ByTree({ usage }: { usage: Usage }) {
  const text = words.usage.by.trees;
  if (usage.trees.length === 0) return <p className={classes.muted}>{text.empty}</p>;
  return (
    <UsageTable
      caption={words.usage.by.tree}
      columns={[text.name, text.images, text.base, text.bytes, text.vms]}
      rows={usage.trees}
      rowOf={({ imageId, name, path, images, baseBytes, bytes, vms }) => (
        <tr key={imageId}>
          <th scope="row" title={path}>
            <Link to="/library" search={{ image: imageId }}>
              {name}
            </Link>
          </th>
          <td>{images}</td>
          <td>
            <Bytes value={baseBytes} />
          </td>
          <td>
            <Bytes value={bytes} />
          </td>
          <td title={vms.join(', ')}>{vms.join(', ') || text.nobody}</td>
        </tr>
      )}
    />
  );
}

function Others({ usage }: { usage: Usage }) {
  const text = words.usage.by.others;
  return (
    <UsageTable
      caption={words.usage.by.other}
      columns={[text.name, text.files, text.bytes]}
      rows={usage.others}
      rowOf={({ kind, files, bytes }) => (
        <tr key={kind}>
          <th scope="row">{text.kinds[kind]}</th>
          <td>{files}</td>
          <td>
            <Bytes value={bytes} />
          </td>
        </tr>
      )}
    />
  );
}
