import { Badge, Button, Checkbox, Group, Radio, Stack, Text } from '@mantine/core';
import type { ImageRepair, ImageRepairs, RelinkCandidate, RepairImage } from '@strata/contract';
import { type FormEvent, useState } from 'react';
import { words } from '../../lib/words.ts';
import { PathField } from '../../ui/path-field.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { relinkRefusal, soughtBy } from './relink-refusal.ts';
import classes from './repair-dialog.module.css';

interface RelinkChoiceProps {
  repair: ImageRepair;
  remembered: ImageRepairs['remembered'];
  busy: boolean;
  searching: boolean;
  onLook: (folder: string) => void;
  onRelink: (wish: RepairImage) => void;
}

/** The files that could be the lost backing, each with what speaks for and against it. */
export function RelinkChoice({ repair, remembered, busy, searching, onLook, onRelink }: RelinkChoiceProps) {
  const candidates = repair.candidates ?? [];
  const first = candidates.find(({ impediment }) => impediment === null);
  const [path, setPath] = useState<string | null>(null);
  const [vouched, setVouched] = useState(false);
  const [together, setTogether] = useState(true);
  const chosen = candidates.find((candidate) => candidate.path === (path ?? first?.path)) ?? null;
  const text = words.repair;
  const sought = soughtBy(repair.problem);
  const needsWord = chosen !== null && chosen.verdict !== 'proven';
  const relink = () => {
    if (chosen === null) return;
    const backing = chosen.imageId === null ? { path: chosen.path } : { backing: chosen.imageId };
    const said = needsWord && vouched ? { assumeSame: true } : {};
    onRelink({ repair: 'relink', ...backing, ...said, others: together });
  };
  return (
    <Stack gap="sm">
      <Text size="sm">
        {remembered === null
          ? text.neverSeen(sought)
          : text.remembered(sought, remembered.path, remembered.format, remembered.fileSize)}
      </Text>
      {candidates.length === 0 ? <Text size="sm">{text.noCandidates}</Text> : null}
      {candidates.length === 0 ? null : (
        <Radio.Group label={text.candidates} value={chosen?.path ?? ''} onChange={setPath}>
          <Stack gap={8} mt={6}>
            {candidates.map((candidate) => (
              <CandidateLine key={candidate.path} candidate={candidate} open={candidate === chosen} />
            ))}
          </Stack>
        </Radio.Group>
      )}
      <LookElsewhere searching={searching} onLook={onLook} />
      <OtherOverlays others={repair.others ?? []} together={together} onChange={setTogether} />
      {needsWord ? (
        <Checkbox
          label={text.assume}
          description={text.assumeText}
          checked={vouched}
          onChange={(event) => setVouched(event.currentTarget.checked)}
        />
      ) : null}
      <Group>
        <ReasonedButton
          size="compact-md"
          loading={busy}
          reason={repair.impediment ?? relinkRefusal(chosen, vouched, sought)}
          onClick={relink}
        >
          {text.relink}
        </ReasonedButton>
      </Group>
    </Stack>
  );
}

const colours = { proven: 'green', likely: 'teal', possible: 'amber', unlikely: 'gray' } as const;

function CandidateLine({ candidate, open }: { candidate: RelinkCandidate; open: boolean }) {
  const { path, verdict, evidence, impediment, imageId } = candidate;
  const text = words.repair;
  const shown = open ? evidence : evidence.slice(0, 1);
  return (
    <div className={classes.candidate}>
      <Radio
        value={path}
        label={
          <>
            <code>{path}</code>{' '}
            <Badge size="sm" variant="light" color={colours[verdict]}>
              {text.verdicts[verdict]}
            </Badge>
          </>
        }
      />
      <ul className={classes.evidence}>
        {impediment === null ? null : <li className={classes.bad}>{impediment}</li>}
        {imageId === null ? <li>{text.notInLibrary}</li> : null}
        {shown.map((each) => (
          <li key={each.text}>
            <b>{text.weights[each.weight]}</b> {each.text}
          </li>
        ))}
      </ul>
    </div>
  );
}

interface OtherOverlaysProps {
  others: NonNullable<ImageRepair['others']>;
  together: boolean;
  onChange: (together: boolean) => void;
}

/** What else has lost the same file, and whether it goes there too. */
function OtherOverlays({ others, together, onChange }: OtherOverlaysProps) {
  const text = words.repair;
  const free = others.filter(({ impediment }) => impediment === null);
  const held = others.filter(({ impediment }) => impediment !== null);
  return (
    <>
      {free.length === 0 ? null : (
        <Checkbox
          label={text.others(free.length)}
          description={free.map(({ name }) => name).join(', ')}
          checked={together}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      )}
      {held.length === 0 ? null : (
        <ul className={classes.evidence}>
          {held.map(({ imageId, name, impediment }) => (
            <li key={imageId}>{text.otherStays(name, impediment ?? '')}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function LookElsewhere({ searching, onLook }: { searching: boolean; onLook: (folder: string) => void }) {
  const [folder, setFolder] = useState('');
  const look = (event: FormEvent) => {
    event.preventDefault();
    if (folder.trim() !== '') onLook(folder.trim());
  };
  return (
    <form onSubmit={look} className={classes.look}>
      <PathField label={words.repair.folder} kind="folder" value={folder} onChange={setFolder} />
      <Button
        type="submit"
        variant="default"
        size="compact-md"
        loading={searching}
        disabled={folder.trim() === ''}
      >
        {words.repair.look}
      </Button>
    </form>
  );
}
