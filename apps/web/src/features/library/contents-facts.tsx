import { Button, Table } from '@mantine/core';
import type { DiskContents, Image, LayerFacts } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { imageContentsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import classes from './contents-facts.module.css';
import { diskWords, holdsWords, partitionsAsText, typeWords } from './contents-text.ts';

/** What the disk holds that the image shows, and what each file of its chain says of itself. */
export function ContentsFacts({ image }: { image: Image }) {
  const query = useQuery(imageContentsQuery(image.id));
  const { contents } = words;
  if (query.data === undefined)
    return query.isError ? (
      <ErrorNotice error={query.error} />
    ) : (
      <p className={classes.muted}>{contents.looking}</p>
    );
  const { disk, unread, layers } = query.data;
  return (
    <div className={classes.contents}>
      {disk === null ? (
        <div className={classes.unread}>
          <p>
            <b>{contents.unread}.</b> {unread}
          </p>
          <Button
            size="compact-xs"
            variant="default"
            loading={query.isFetching}
            onClick={() => void query.refetch()}
          >
            {contents.again}
          </Button>
        </div>
      ) : (
        <Disk disk={disk} />
      )}
      <Layers layers={layers} />
    </div>
  );
}

function Disk({ disk }: { disk: DiskContents }) {
  const { contents } = words;
  const isBlank = disk.blank || (disk.whole === null && disk.items.length === 0);
  return (
    <>
      <dl className={classes.facts}>
        <dt>{contents.disk}</dt>
        <dd>{diskWords(disk)}</dd>
        {disk.whole?.uuid == null ? null : (
          <>
            <dt>{contents.id}</dt>
            <dd>
              <code>{disk.whole.uuid}</code>
            </dd>
          </>
        )}
        {disk.system === null ? null : (
          <>
            <dt>{contents.system}</dt>
            <dd>
              {disk.system.name} <span className={classes.muted}>({disk.system.why})</span>
            </dd>
          </>
        )}
        {isBlank && disk.boot.length === 0 ? null : (
          <>
            <dt>{contents.boots}</dt>
            <dd>
              <BootWays boot={disk.boot} />
            </dd>
          </>
        )}
      </dl>
      {disk.problems.map((problem) => (
        <p key={problem} className={classes.problem}>
          {problem}
        </p>
      ))}
      {disk.items.length === 0 ? null : <Partitions disk={disk} />}
    </>
  );
}

function BootWays({ boot }: Pick<DiskContents, 'boot'>) {
  const { contents } = words;
  if (boot.length === 0) return contents.bootsNot;
  return (
    <ul className={classes.plain}>
      {boot.map(({ firmware, by }) => (
        <li key={`${firmware} ${by}`}>
          {contents.firmware[firmware]} <span className={classes.muted}>({by})</span>
        </li>
      ))}
    </ul>
  );
}

function Partitions({ disk }: { disk: DiskContents }) {
  const { contents } = words;
  const { columns } = contents;
  return (
    <div>
      <div className={classes.scroll}>
        <Table
          verticalSpacing={4}
          horizontalSpacing={8}
          className={classes.table}
          aria-label={contents.partitions}
        >
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{columns.number}</Table.Th>
              <Table.Th>{columns.fileSystem}</Table.Th>
              <Table.Th>{columns.size}</Table.Th>
              <Table.Th>{columns.offset}</Table.Th>
              <Table.Th>{columns.type}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {disk.items.map((item) => (
              <Table.Tr key={`${item.number} ${item.offset}`}>
                <Table.Td>{item.number}</Table.Td>
                <Table.Td>
                  {holdsWords(item)}
                  {item.content?.uuid == null ? null : (
                    <>
                      <br />
                      <code className={classes.id}>{item.content.uuid}</code>
                    </>
                  )}
                </Table.Td>
                <Table.Td>
                  <Bytes value={item.size} />
                </Table.Td>
                <Table.Td>
                  <span className={classes.offset}>
                    {item.offset}
                    <CopyButton compact text={String(item.offset)} label={contents.copyOffset(item.number)} />
                  </span>
                </Table.Td>
                <Table.Td>{typeWords(item)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <CopyButton text={partitionsAsText(disk)} label={contents.copyAll} />
    </div>
  );
}

function Layers({ layers }: { layers: readonly LayerFacts[] }) {
  const { contents } = words;
  return (
    <div>
      <h4 className={classes.subheading}>{contents.layers}</h4>
      <ol className={classes.layers}>
        {layers.map((layer) => (
          <li key={layer.imageId}>
            <code className={classes.path}>{layer.path}</code>
            <span>
              {layer.format} · <Bytes value={layer.virtualSize} />, <Bytes value={layer.allocatedSize} />{' '}
              {contents.stored}
              {layer.internalSnapshots === 0 ? null : ` · ${contents.internal(layer.internalSnapshots)}`}
              {layer.creator === null ? null : ` · ${contents.creator(layer.creator)}`}
            </span>
            {layer.settings.length === 0 ? null : (
              <span className={classes.muted}>
                {layer.settings.map(({ name, value }) => `${name} ${value}`).join(' · ')}
              </span>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}
