import type { Operation } from '@strata/contract';
import { IconAlertTriangle, IconCheck, IconCircle, IconPlayerPlay } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { formatAbsoluteTime } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import classes from './operation-item.module.css';

const icons = { todo: IconCircle, running: IconPlayerPlay, done: IconCheck, failed: IconAlertTriangle };

export function OperationSteps({ operation }: { operation: Operation }) {
  return (
    <div className={classes.details}>
      <Subjects subjects={operation.subjects} />
      <ol className={classes.steps} aria-label={words.operations.stepsTitle}>
        {operation.steps.map((step, index) => {
          const Icon = icons[step.state];
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: steps keep their order, and two may read the same
            <li key={index} className={classes.step} data-state={step.state}>
              <Icon size={14} aria-label={words.operations.stepStates[step.state]} />
              <span>{step.text}</span>
              {step.at === null ? null : (
                <time dateTime={step.at} title={formatAbsoluteTime(step.at)}>
                  {new Date(step.at).toLocaleTimeString('en-GB')}
                </time>
              )}
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function Subjects({ subjects }: { subjects: Operation['subjects'] }) {
  return (
    <div className={classes.subjects}>
      {subjects.map((subject) => (
        <span key={`${subject.kind} ${subject.id}`}>
          {subject.kind === 'vm' ? (
            <Link to="/vms/$vmId/layers" params={{ vmId: subject.id }}>
              {subject.name}
            </Link>
          ) : subject.kind === 'image' ? (
            <Link to="/library/$imageId" params={{ imageId: subject.id }}>
              {subject.name}
            </Link>
          ) : (
            subject.name
          )}
        </span>
      ))}
    </div>
  );
}
