import type { Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useRef, useState } from 'react';
import { vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { ActionPanel } from './action-panel.tsx';
import { ChainPlanDialog } from './chain-plan-dialog.tsx';
import type { ConceivableAction } from './conceivable-actions.ts';
import { GuestStrip } from './guest-strip.tsx';
import type { LayerModel } from './layer-model.ts';
import { LayerRows, virtualFrom } from './layer-rows.tsx';
import { LayersTable } from './layers-table.tsx';
import classes from './layers-view.module.css';
import { runOf } from './selection.ts';
import { SelectionBar } from './selection-bar.tsx';
import { StripRuler } from './strip-ruler.tsx';
import { useChainOperations } from './use-chain-operations.tsx';
import { useLayers } from './use-layers.ts';
import { useMarkedSelection } from './use-marked-selection.ts';
import { priceWorld } from './use-price.ts';
import { useZoom } from './use-zoom.ts';
import { WorkAnnouncer } from './work-announcer.tsx';
import type { DiskRange } from './zoom.ts';
import { ZoomControls } from './zoom-controls.tsx';

interface LayersViewProps {
  /** The top layer of the chain shown. */
  tipId: string;
  title: string;
  /** The VM whose tab this is; none on an image's own page. */
  vm?: Vm;
  /** Above the drawing: which branch one is on. */
  notice?: ReactNode;
  onShow: (tipId: string) => void;
  /** The layer that an address means. */
  marked?: string | undefined;
  onSelected?: (imageId: string | null) => void;
}

const noVms: readonly Vm[] = [];

/** A chain as strata in the ground, and what can be done with it. */
export function LayersView({ tipId, title, vm, notice, onShow, marked, onSelected }: LayersViewProps) {
  const [range, setRange] = useState<DiskRange | null>(null);
  const { chain, map, mapError, models, images, work } = useLayers(tipId, range);
  const vms = useQuery(vmsQuery()).data?.items ?? noVms;
  const [selection, setSelection] = useMarkedSelection(marked, onSelected);
  const [proposed, setProposed] = useState<ConceivableAction | null>(null);
  const [isExtending, setExtending] = useState(false);
  const [nothing, setNothing] = useState(0);
  const groundRef = useRef<HTMLElement>(null);
  const virtualSize = models[0]?.image.virtualSize ?? 0;
  const zoom = useZoom({ ground: groundRef, virtualSize, range, show: setRange });
  const panelRef = useRef<HTMLElement>(null);
  const enterPanel = useCallback(
    () => panelRef.current?.querySelector<HTMLElement>('[data-action]')?.focus(),
    [],
  );
  const operations = useChainOperations(models, work);
  // Then the layer itself says what is missing.
  const broken = models.some(({ image }) => !image.present || image.backing?.state === 'missing');

  if (chain.isError && chain.data === undefined)
    return <ErrorNotice error={chain.error} onRetry={() => void chain.refetch()} />;
  if (chain.data === undefined) return <RowSkeletons count={5} height={64} />;
  const run = runOf(
    models.map(({ image }) => image.id),
    selection,
  );
  const world = priceWorld({
    readAt: chain.dataUpdatedAt,
    running: work.map(({ operation }) => operation.id),
    vms,
    isFresh: !chain.isPlaceholderData,
    busyWith: operations.busyWith,
  });
  return (
    <div className={classes.frame}>
      <div className={classes.view}>
        <section
          ref={groundRef}
          className={classes.ground}
          aria-label={title}
          data-strips
          onKeyDown={zoom.onKeyDown}
          data-long={models.length >= virtualFrom || undefined}
        >
          <header className={classes.head}>
            <h2 className={classes.title}>
              {title}
              <span className={classes.facts}> · {facts(models)}</span>
            </h2>
            <div>
              <ZoomControls zoom={zoom} />
              <StripRuler range={zoom.range} />
            </div>
          </header>
          {notice}
          {operations.dismissible}
          <WorkAnnouncer work={work} />
          <div role="status" className="visually-hidden">
            {/* Another key is another text to a screen reader: the same answer is heard again. */}
            {nothing > 0 ? <span key={nothing}>{words.layers.keys.nothing}</span> : null}
          </div>
          <LayerRows
            label={words.layers.gridLabel(title)}
            models={models}
            images={images}
            range={zoom.range}
            vms={vms}
            vmId={vm?.id ?? null}
            selection={selection}
            isExtending={isExtending}
            onSelection={(next) => {
              setExtending(false);
              setSelection(next);
            }}
            onPropose={setProposed}
            onShow={onShow}
            onEnter={enterPanel}
            onNothing={() => setNothing((told) => told + 1)}
            world={world}
            decorate={operations.decorate}
          />
          {mapError && !broken ? <ErrorNotice error={mapError} title={words.layers.mapMissing} /> : null}
          {map ? (
            <div className={classes.sum}>
              <GuestStrip models={models} map={map} range={zoom.range} />
            </div>
          ) : null}
          <LayersTable title={title} models={models} />
          <SelectionBar
            models={models}
            run={run}
            isExtending={isExtending}
            onExtend={setExtending}
            onActions={() => panelRef.current?.scrollIntoView({ block: 'start' })}
          />
        </section>
        <aside ref={panelRef} className={classes.panel} aria-label={words.layers.panel.label}>
          <ActionPanel
            models={models}
            run={run}
            vms={vms}
            vm={vm}
            world={world}
            onChoose={setProposed}
            onClear={() => setSelection(null)}
          />
        </aside>
      </div>
      {proposed === null ? null : (
        <ChainPlanDialog action={proposed} models={models} onClose={() => setProposed(null)} />
      )}
    </div>
  );
}

function facts(models: readonly LayerModel[]): string {
  const stored = models.reduce((sum, { image }) => sum + image.allocatedSize, 0);
  return words.layers.facts(models[0]?.image.virtualSize ?? 0, models.length, stored);
}
