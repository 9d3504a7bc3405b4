import { Badge, Button } from '@mantine/core';
import type { Image, InsideSession } from '@strata/contract';
import { Link } from '@tanstack/react-router';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { changeRefusal } from './change-refusal.ts';

/** Beside the title: what moment is looked at, and whether it can be changed. */
export function InsideMarks({ session, tag }: { session: InsideSession | null; tag: string | null }) {
  const { inside } = words;
  return (
    <>
      {tag === null ? null : <span>{inside.tag(visibleName(tag))}</span>}
      {session === null ? null : (
        <>
          <Badge variant="light" color={session.writable ? 'red' : 'gray'}>
            {session.writable ? inside.writable : inside.readOnly}
          </Badge>
          <span>{inside.closesItself}</span>
        </>
      )}
    </>
  );
}

interface InsideActionsProps {
  image: Image;
  session: InsideSession | null;
  onChange: () => void;
  onClose: () => void;
}

export function InsideActions({ image, session, onChange, onClose }: InsideActionsProps) {
  const { inside } = words;
  return (
    <>
      {session === null || session.writable ? null : (
        <ReasonedButton variant="default" reason={changeRefusal(image, session)} onClick={onChange}>
          {inside.change.button}
        </ReasonedButton>
      )}
      {session === null ? null : (
        <Button variant="default" title={inside.endWhy} onClick={onClose}>
          {inside.end}
        </Button>
      )}
      <Button
        variant="default"
        renderRoot={(props) => <Link to="/library" search={{ image: image.id }} {...props} />}
      >
        {inside.details}
      </Button>
    </>
  );
}
