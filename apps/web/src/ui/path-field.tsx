import { Button, Group, Popover, TextInput, UnstyledButton } from '@mantine/core';
import { endpoints } from '@strata/contract';
import { IconArrowUp, IconFile, IconFolder } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type ReactNode, useRef, useState } from 'react';
import { call } from '../api/call.ts';
import { words } from '../lib/words.ts';
import { Bytes } from './bytes.tsx';
import { ErrorNotice } from './error-notice.tsx';
import classes from './path-field.module.css';

/** Read by Mantine's dialogs: Escape closes the list only, and not also the dialog that it stands in. */
const keepsEscape = { 'data-mantine-stop-propagation': true };

interface PathFieldProps {
  label: string;
  value: string;
  onChange: (path: string) => void;
  /** What is looked for: clicking a file takes it, a folder is taken by its button. */
  kind: 'file' | 'folder';
  error?: ReactNode;
  placeholder?: string;
  required?: boolean;
  /** The dialog it stands in puts the focus here. */
  focused?: boolean;
}

/** A path of the host: typed, or chosen by looking around. */
export function PathField({
  label,
  value,
  onChange,
  kind,
  error,
  placeholder = kind === 'file' ? '/home/me/disk.qcow2' : '/home/me/images',
  required = false,
  focused = false,
}: PathFieldProps) {
  const [opened, setOpened] = useState(false);
  const choose = (path: string) => {
    onChange(path);
    setOpened(false);
  };
  return (
    <TextInput
      classNames={{ root: classes.field ?? '', label: classes.label ?? '' }}
      label={label}
      value={value}
      placeholder={placeholder}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
      spellCheck={false}
      required={required}
      data-autofocus={focused || undefined}
      // Beside the line itself, whatever stands below it.
      inputContainer={(line) => (
        <Group gap={8} wrap="nowrap" align="flex-start">
          <div className={classes.line}>{line}</div>
          <Popover opened={opened} onChange={setOpened} position="bottom-end" width={360} trapFocus>
            <Popover.Target>
              <Button
                variant="default"
                aria-label={words.library.browse.what(label)}
                onClick={() => setOpened(!opened)}
              >
                {words.library.browse.label}
              </Button>
            </Popover.Target>
            <Popover.Dropdown {...keepsEscape}>
              <Browser kind={kind} onChoose={choose} />
            </Popover.Dropdown>
          </Popover>
        </Group>
      )}
    />
  );
}

function Browser({ kind, onChoose }: { kind: 'file' | 'folder'; onChoose: (path: string) => void }) {
  const [path, setPath] = useState<string>();
  const listRef = useRef<HTMLUListElement>(null);
  const enter = (folder: string | undefined) => {
    setPath(folder);
    // The line that was chosen goes with its folder; the focus stays in the list.
    listRef.current?.focus();
  };
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
          <ul ref={listRef} tabIndex={-1} className={classes.entries} {...keepsEscape}>
            {data.parent === null ? null : (
              <li>
                <UnstyledButton
                  {...keepsEscape}
                  className={classes.entry}
                  onClick={() => enter(data.parent ?? undefined)}
                >
                  <IconArrowUp size={15} aria-hidden /> {browse.up}
                </UnstyledButton>
              </li>
            )}
            {entries.map((entry) => (
              <li key={entry.path}>
                <UnstyledButton
                  {...keepsEscape}
                  className={classes.entry}
                  onClick={() => (entry.kind === 'folder' ? enter(entry.path) : onChoose(entry.path))}
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
            <Button {...keepsEscape} size="compact-sm" onClick={() => onChoose(data.path)}>
              {browse.choose}
            </Button>
          ) : null}
        </>
      ) : null}
    </div>
  );
}
