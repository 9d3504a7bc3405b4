import { Button, Group, Popover, TextInput, UnstyledButton } from '@mantine/core';
import { endpoints } from '@strata/contract';
import { IconArrowUp, IconFile, IconFolder } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import classes from './path-field.module.css';

interface PathFieldProps {
  label: string;
  value: string;
  onChange: (path: string) => void;
  /** What is looked for: clicking a file takes it, a folder is taken by its button. */
  kind: 'file' | 'folder';
  error?: ReactNode;
}

/** A path of the host: typed, or chosen by looking around. */
export function PathField({ label, value, onChange, kind, error }: PathFieldProps) {
  const [opened, setOpened] = useState(false);
  const choose = (path: string) => {
    onChange(path);
    setOpened(false);
  };
  return (
    <Group align="flex-end" gap={8} wrap="nowrap">
      <TextInput
        className={classes.input ?? ''}
        label={label}
        value={value}
        placeholder={kind === 'file' ? '/home/me/disk.qcow2' : '/home/me/images'}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={error}
        spellCheck={false}
        required
        data-autofocus
      />
      <Popover opened={opened} onChange={setOpened} position="bottom-end" width={360} trapFocus>
        <Popover.Target>
          <Button variant="default" onClick={() => setOpened(!opened)}>
            {words.library.browse.label}
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <Browser kind={kind} onChoose={choose} />
        </Popover.Dropdown>
      </Popover>
    </Group>
  );
}

function Browser({ kind, onChoose }: { kind: 'file' | 'folder'; onChoose: (path: string) => void }) {
  const [path, setPath] = useState<string>();
  const listing = useQuery({
    queryKey: ['browse', path ?? null],
    queryFn: ({ signal }) =>
      call(endpoints.browseHost, { query: path === undefined ? {} : { path }, signal }),
    placeholderData: keepPreviousData,
    // A look at a moving world.
    staleTime: 0,
  });
  const { browse } = words.library;
  const { data } = listing;
  const entries = data?.entries.filter((entry) => kind === 'file' || entry.kind === 'folder') ?? [];
  return (
    <div className={classes.browser}>
      <ErrorNotice error={listing.error} />
      {data ? (
        <>
          <div className={classes.here} title={data.path}>
            {browse.here(data.path)}
          </div>
          <ul className={classes.entries}>
            {data.parent === null ? null : (
              <li>
                <UnstyledButton className={classes.entry} onClick={() => setPath(data.parent ?? undefined)}>
                  <IconArrowUp size={15} aria-hidden /> {browse.up}
                </UnstyledButton>
              </li>
            )}
            {entries.map((entry) => (
              <li key={entry.path}>
                <UnstyledButton
                  className={classes.entry}
                  onClick={() => (entry.kind === 'folder' ? setPath(entry.path) : onChoose(entry.path))}
                >
                  {entry.kind === 'folder' ? (
                    <IconFolder size={15} aria-label={browse.folder} />
                  ) : (
                    <IconFile size={15} aria-hidden />
                  )}
                  <span className={classes.entryName}>{entry.name}</span>
                  {entry.kind === 'file' ? <Bytes value={entry.size} className={classes.size ?? ''} /> : null}
                </UnstyledButton>
              </li>
            ))}
            {entries.length === 0 ? <li className={classes.none}>{browse.empty}</li> : null}
          </ul>
          {kind === 'folder' ? (
            <Button size="compact-sm" onClick={() => onChoose(data.path)}>
              {browse.choose}
            </Button>
          ) : null}
        </>
      ) : null}
    </div>
  );
}
