import { Skeleton, useComputedColorScheme } from '@mantine/core';
import {
  type Comparison,
  comparison as comparisonSchema,
  endpoints,
  type Operation,
  type Vm,
} from '@strata/contract';
import { keepPreviousData, skipToken, useMutation, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { call } from '../../api/call.ts';
import { type CompareWish, operationQuery, snapshotComparisonQuery } from '../../api/queries.ts';
import { formatPlace } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import stripClasses from '../layers/strip.module.css';
import { Strip } from '../layers/strip.tsx';
import { type Paint, paintLayer } from '../layers/strip-paint.ts';
import { StripRuler } from '../layers/strip-ruler.tsx';
import { OperationProgress } from '../operations/operation-progress.tsx';
import { isUnfinished, progressLine } from '../operations/operation-state.ts';
import classes from './compare-dialog.module.css';

interface DiskComparisonProps {
  vm: Vm;
  name: string;
  wish: CompareWish;
  label: string;
  /** By the running VM: it has no contents of one moment. */
  isWritten: boolean;
}

/** The differences on one disk, drawn on its cross-section: at once by what the layers hold, exactly by reading. */
export function DiskComparison({ vm, name, wish, label, isWritten }: DiskComparisonProps) {
  const asked = useQuery({ ...snapshotComparisonQuery(vm.id, wish), placeholderData: keepPreviousData });
  const start = useMutation({
    mutationFn: () => call(endpoints.compareSnapshotContents, { params: { id: vm.id }, body: wish }),
  });
  const followed = useQuery({
    ...operationQuery(start.data?.id ?? ''),
    ...(start.data === undefined ? { queryFn: skipToken } : {}),
  }).data;
  const operation = followed ?? start.data;
  const read = operation?.state === 'done' ? comparisonSchema.safeParse(operation.result).data : undefined;
  const found = read ?? asked.data;
  return (
    <section className={classes.disk} aria-label={words.layers.diskTitle(name)} data-strips>
      <header className={classes.head}>
        <h3>{words.layers.diskTitle(name)}</h3>
        {found ? <Sum comparison={found} /> : null}
      </header>
      {found ? (
        <Regions comparison={found} label={`${name}: ${label}`} />
      ) : asked.error ? (
        <ErrorNotice error={asked.error} onRetry={() => void asked.refetch()} />
      ) : (
        <Skeleton height={54} radius="sm" />
      )}
      {read || !found || found.differingBytes === 0 ? null : (
        <FullCompare
          operation={operation}
          pending={start.isPending}
          error={start.error}
          reason={isWritten ? words.snapshots.compare.moving : null}
          onStart={() => start.mutate()}
        />
      )}
    </section>
  );
}

function Sum({ comparison: { differingBytes, virtualSize, exact } }: { comparison: Comparison }) {
  const { compare } = words.snapshots;
  if (differingBytes === 0) return <span className={classes.quiet}>{compare.equal}</span>;
  const text = (exact ? compare.differ : compare.atMost)(differingBytes, virtualSize);
  return (
    <span className={classes.quiet} role="status">
      {text}
    </span>
  );
}

const accent = () => getComputedStyle(document.documentElement).getPropertyValue('--strata-accent');

function Regions({ comparison, label }: { comparison: Comparison; label: string }) {
  const { compare } = words.snapshots;
  const { strip, zoom } = words.layers;
  const { regions, regionsHeld, virtualSize, differingBytes, exact } = comparison;
  const scheme = useComputedColorScheme('dark');
  const range = useMemo(() => ({ start: 0, length: virtualSize }), [virtualSize]);
  const paint: Paint = useMemo(() => {
    const drawn = { imageId: '', visible: regions, shadowed: [], allocatedBytes: 0, visibleBytes: 0 };
    const layer = { ...drawn, ...(regionsHeld === undefined ? {} : { visibleHeld: regionsHeld }) };
    // The accent of the page: no layer has it.
    return (...canvas) => paintLayer(layer, range, accent())(...canvas);
  }, [regions, regionsHeld, range]);
  return (
    <div>
      <StripRuler range={range} />
      <Strip
        key={scheme}
        paint={paint}
        range={range}
        label={compare.drawing(label, differingBytes)}
        describe={(from, to) => {
          const region = regions.find(([start, length]) => start < to && start + length > from);
          const place =
            region === undefined
              ? strip.at(from)
              : zoom.range(formatPlace(region[0], region[1]), formatPlace(region[0] + region[1], region[1]));
          return (
            <div className={stripClasses.hover}>
              <strong>{place}</strong>
              <span>
                {region === undefined ? compare.alike : exact ? compare.different : compare.mayDiffer}
              </span>
            </div>
          );
        }}
      />
    </div>
  );
}

interface FullCompareProps {
  operation: Operation | undefined;
  pending: boolean;
  error: Error | null;
  reason: string | null;
  onStart: () => void;
}

/** Layers say where was written, not whether it became anything else: reading both does. */
function FullCompare({ operation, pending, error, reason, onStart }: FullCompareProps) {
  const { compare } = words.snapshots;
  if (operation && isUnfinished(operation))
    return (
      <div className={classes.full} role="status">
        <OperationProgress operation={operation} className={classes.bar ?? ''} />
        <span className={classes.quiet}>{progressLine(operation)}</span>
      </div>
    );
  return (
    <div className={classes.full}>
      <ReasonedButton size="compact-sm" variant="default" loading={pending} reason={reason} onClick={onStart}>
        {compare.full}
      </ReasonedButton>
      <span className={classes.quiet}>{compare.fullText}</span>
      <ErrorNotice error={error} />
      {operation?.error ? <ErrorNotice error={new Error(operation.error.message)} /> : null}
    </div>
  );
}
