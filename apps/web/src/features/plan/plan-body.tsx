import { UnstyledButton } from '@mantine/core';
import type { Plan } from '@strata/contract';
import { IconAlertTriangle, IconTrash } from '@tabler/icons-react';
import { type ComponentProps, type ReactNode, useState } from 'react';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import classes from './plan.module.css';
import { PlanDrawing } from './plan-drawing.tsx';
import { spacesOf, usableOf } from './plan-space.ts';

/** Everything a plan says, the losses first. */
export function PlanBody({ plan, diskOf }: ComponentProps<typeof PlanDrawing>) {
  return (
    <>
      <Losses plan={plan} />
      <PlanDrawing plan={plan} diskOf={diskOf} />
      <Facts plan={plan} />
      <Deletes plan={plan} />
      <Changes plan={plan} />
      {plan.steps.length > 0 ? (
        <section>
          <h3 className={classes.heading}>{words.plan.steps}</h3>
          <ol className={classes.list}>
            {plan.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        </section>
      ) : null}
      {plan.cancelNote === undefined || plan.blockers.length > 0 ? null : (
        <section>
          <h3 className={classes.heading}>{words.plan.cancel}</h3>
          <p className={classes.quiet}>{plan.cancelNote}</p>
        </section>
      )}
      <Commands commands={plan.commands} />
    </>
  );
}

function Losses({ plan }: { plan: Plan }) {
  if (plan.losesSnapshots.length === 0) return <p className={classes.quiet}>{words.plan.losesNothing}</p>;
  return (
    <section className={classes.losses}>
      <h3 className={classes.heading}>
        <IconAlertTriangle size={16} aria-hidden /> {words.plan.loses(plan.losesSnapshots.length)}
      </h3>
      <ul className={classes.list}>
        {plan.losesSnapshots.map(({ id, name }) => (
          <li key={id}>
            <strong>{name}</strong>
          </li>
        ))}
      </ul>
      <p>{words.plan.losesText}</p>
    </section>
  );
}

function Facts({ plan }: { plan: Plan }) {
  const { facts, space } = words.plan;
  return (
    <dl className={classes.facts}>
      <dt>{facts.how}</dt>
      <dd>{howOf(plan)}</dd>
      {plan.gain === undefined ? null : (
        <>
          <dt>{facts.gain}</dt>
          <dd>
            <Bytes value={plan.gain.bytes} />,{' '}
            {plan.gain.exact ? facts.exact : facts.estimate(plan.gain.scannedBytes)}
          </dd>
        </>
      )}
      {plan.freed === undefined ? null : (
        <>
          <dt>{facts.frees}</dt>
          <dd>
            <Bytes value={plan.freed} />
          </dd>
        </>
      )}
      <dt>{facts.moves}</dt>
      <dd>{plan.bytesToMove > 0 ? <Bytes value={plan.bytesToMove} /> : facts.nothing}</dd>
      <dt>{space.label}</dt>
      {plan.freeSpaceNeeded > 0 ? <Spaces plan={plan} /> : <dd>{space.none}</dd>}
      {plan.relocates ? (
        <>
          <dt>{facts.file}</dt>
          <dd className={classes.path}>
            <code>{plan.relocates.from}</code> {facts.newPlace} <code>{plan.relocates.to}</code>
          </dd>
        </>
      ) : null}
    </dl>
  );
}

function Spaces({ plan }: { plan: Plan }) {
  const { space: text } = words.plan;
  return spacesOf(plan).map((space) => {
    const { mountPoint, needed, reserve } = space;
    const usable = usableOf(space);
    const missing = usable === null ? 0 : needed - usable;
    return (
      <dd key={mountPoint}>
        {text.need(needed, usable, mountPoint)} {reserve > 0 && usable !== null ? text.kept(reserve) : null}
        {missing > 0 ? <strong className={classes.red}> {text.tooLittle(missing)}</strong> : null}
      </dd>
    );
  });
}

/** A revert copies nothing, and a file is moved without QEMU: where that runs says less than what it does. */
function howOf(plan: Plan): string {
  // Without a new layer to go on in, it is a tag inside the layers that goes back.
  if (plan.operation === 'revert') return makesLayers(plan) ? words.plan.switches : words.plan.inPlace;
  if (plan.operation === 'promote') return words.plan.promotes;
  if (plan.operation === 'forget' || (plan.modes !== undefined && plan.moves.length === 0))
    return words.plan.movesNothing;
  if (plan.operation === 'compact') return words.plan[plan.method === 'punch' ? 'punches' : 'rewrites'];
  if (plan.operation === 'move' && !plan.live)
    return words.plan.moves[plan.method === 'link' ? 'link' : 'copy'];
  return plan.live ? words.plan.live : words.plan.offline;
}

const makesLayers = ({ after }: Plan) =>
  after.some(({ layers }) => layers.some(({ isNew }) => isNew === true));

function Deletes({ plan }: { plan: Plan }) {
  if (plan.deletes.length === 0) return null;
  const total = plan.deletes.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <section>
      <h3 className={classes.heading}>
        <IconTrash size={16} aria-hidden />{' '}
        {words.plan[plan.operation === 'revert' || plan.toTrash ? 'trashes' : 'deletes'](
          plan.deletes.length,
          total,
        )}
      </h3>
      <LongList>
        {plan.deletes.map((file) => (
          <li key={file.imageId}>
            <code>{file.path}</code> · <Bytes value={file.bytes} />
            {file.toTrash && !plan.toTrash ? `, ${words.plan.fileTrash}` : null}
          </li>
        ))}
      </LongList>
    </section>
  );
}

/** What changes without anything being read or written by a guest: links, and files left over. */
function Changes({ plan }: { plan: Plan }) {
  const names = layerNames(plan);
  return (
    <>
      {plan.movesSnapshots !== undefined && plan.movesSnapshots.length > 0 ? (
        <section>
          <h3 className={classes.heading}>{words.plan.movesSnapshots}</h3>
          <ul className={classes.list}>
            {plan.movesSnapshots.map(({ id, name, to }) => (
              <li key={id}>{words.plan.movesSnapshot(name, names.get(to) ?? to)}</li>
            ))}
          </ul>
        </section>
      ) : null}
      {plan.relinks.length > 0 ? (
        <section>
          <h3 className={classes.heading}>{words.plan.relinks}</h3>
          <LongList>
            {plan.relinks.map(({ imageId, name, to }) => (
              <li key={imageId}>
                {to === null ? words.plan.relinkNone(name) : words.plan.relink(name, names.get(to) ?? to)}
              </li>
            ))}
          </LongList>
        </section>
      ) : null}
      {plan.leavesSnapshots !== undefined && plan.leavesSnapshots.length > 0 ? (
        <section>
          <h3 className={classes.heading}>{words.plan.left(plan.leavesSnapshots.length)}</h3>
          <ul className={classes.list}>
            {plan.leavesSnapshots.map(({ id, name }) => (
              <li key={id}>● {name}</li>
            ))}
          </ul>
        </section>
      ) : null}
      {plan.keeps !== undefined && plan.keeps.length > 0 ? (
        <section>
          <h3 className={classes.heading}>{words.plan.keeps}</h3>
          <ul className={classes.list}>
            {plan.keeps.map(({ imageId, name, because }) => (
              <li key={imageId}>
                {name}: {because}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      {plan.nowUnused.length > 0 ? (
        <section>
          <h3 className={classes.heading}>{words.plan.unused}</h3>
          <LongList>
            {plan.nowUnused.map((file) => (
              <li key={file.imageId}>
                {file.name} · <Bytes value={file.bytes} />
              </li>
            ))}
          </LongList>
        </section>
      ) : null}
    </>
  );
}

const listed = 6;

/** The first of many; the rest when they are asked for. */
function LongList({ children }: { children: ReactNode[] }) {
  const [all, setAll] = useState(false);
  const rest = children.length - listed;
  // A line that stands for one line saves nothing.
  const folds = !all && rest > 1;
  return (
    <ul className={classes.list}>
      {folds ? children.slice(0, listed) : children}
      {folds ? (
        <li>
          <UnstyledButton className={classes.more} onClick={() => setAll(true)}>
            {words.plan.more(rest)}
          </UnstyledButton>
        </li>
      ) : null}
    </ul>
  );
}

export function layerNames(plan: Plan): ReadonlyMap<string, string> {
  const chains = [...plan.before, ...plan.after];
  return new Map(chains.flatMap(({ layers }) => layers.map(({ imageId, name }) => [imageId, name] as const)));
}

function Commands({ commands }: { commands: readonly string[] }) {
  if (commands.length === 0) return null;
  return (
    <details className={classes.commands}>
      <summary>{words.plan.commands}</summary>
      <pre>{commands.join('\n')}</pre>
      <CopyButton text={commands.join('\n')} />
    </details>
  );
}
