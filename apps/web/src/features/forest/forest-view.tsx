import { ActionIcon, Button, useComputedColorScheme } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { IconAlertTriangle, IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ReactFlowProvider } from '@xyflow/react';
import {
  type KeyboardEvent,
  useCallback,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { forestQuery, vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import classes from './forest.module.css';
import { ForestCanvas, type Wish, type ZoomKey } from './forest-canvas.tsx';
import { forestColours } from './forest-colours.ts';
import { layOut } from './forest-layout.ts';
import { ForestOutline, outlineId } from './forest-outline.tsx';
import { findNodes, nextOf } from './forest-search.ts';
import { countsAsProblem } from './forest-text.ts';
import { type ForestNode, growTrees } from './forest-tree.ts';
import { stepOfKey, walk } from './forest-walk.ts';

const noVms: readonly Vm[] = [];
const zoomOfKey: Readonly<Record<string, ZoomKey>> = { '+': 'in', '=': 'in', '-': 'out', '0': 'fit' };

interface ForestViewProps {
  search: string;
  /** The image whose details are open. */
  openId: string | null;
  onOpen: (imageId: string) => void;
}

/** The library as a picture of what stands on what; beside the table, over the same images. */
export function ForestView({ search, openId, onOpen }: ForestViewProps) {
  const forest = useQuery(forestQuery());
  const vms = useQuery(vmsQuery()).data?.items ?? noVms;
  const images = forest.data?.images;
  const trees = useMemo(() => (images === undefined ? null : growTrees(images, vms)), [images, vms]);
  if (trees === null)
    return forest.isError ? (
      <ErrorNotice error={forest.error} onRetry={() => void forest.refetch()} />
    ) : (
      <RowSkeletons count={8} />
    );
  return (
    <>
      {forest.data?.complete === false ? <p className={classes.notice}>{words.forest.incomplete}</p> : null}
      <Forest trees={trees} search={search} openId={openId} onOpen={onOpen} />
    </>
  );
}

function Forest({
  trees,
  search,
  openId,
  onOpen,
}: ForestViewProps & { trees: ReturnType<typeof growTrees> }) {
  const layout = useMemo(() => layOut(trees), [trees]);
  const colours = useMemo(() => forestColours(layout), [layout]);
  const scheme = useComputedColorScheme('dark');
  const [current, setCurrent] = useState<string | null>(openId);
  const [wish, setWish] = useState<Wish | null>(openId === null ? null : { id: openId, centre: true });
  const zoomRef = useRef<((key: ZoomKey) => void) | null>(null);
  const stageRef = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();

  const wanted = useDeferredValue(search);
  const nodes = useMemo(() => [...layout.places.values()].map(({ node }) => node), [layout]);
  const found = useMemo(() => findNodes(nodes, wanted), [nodes, wanted]);
  const troubled = useMemo(() => nodes.filter(countsAsProblem).map(({ id }) => id), [nodes]);
  const picture = useMemo(
    () => ({ layout, colours, scheme, current, found: found === null ? null : new Set(found) }),
    [layout, colours, scheme, current, found],
  );
  const go = (id: string | null, centre: boolean) => {
    if (id === null) return;
    setCurrent(id);
    setWish({ id, centre });
  };
  // What is sought comes into view as one types; later changes of the library move nothing.
  const foundRef = useRef(found);
  foundRef.current = found;
  useEffect(() => {
    const [first] = (wanted.trim() === '' ? null : foundRef.current) ?? [];
    if (first !== undefined) setWish({ id: first, centre: true });
  }, [wanted]);

  const open = (id: string) => {
    const node = layout.places.get(id)?.node;
    if (node === undefined) return;
    setCurrent(id);
    stageRef.current?.focus({ preventScroll: true });
    const { subject } = node;
    if (subject.kind === 'vm')
      void navigate({
        to: '/vms/$vmId/layers',
        params: { vmId: subject.vm.id },
        search: { disk: subject.diskId },
      });
    else onOpen(imageToOpen(node));
  };
  // The same function always, or thousands of items would be made again at every step of the keys.
  const openRef = useRef(open);
  openRef.current = open;
  const pick = useCallback((id: string) => openRef.current(id), []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = stepOfKey[event.key];
    const zoom = zoomOfKey[event.key];
    if (step !== undefined) go(walk(layout, current, step), false);
    else if (zoom !== undefined) zoomRef.current?.(zoom);
    else if (event.key === 'Enter' && current !== null) open(current);
    else return;
    event.preventDefault();
  };
  return (
    <section className={classes.forest} aria-label={words.forest.label}>
      <div className={classes.tools}>
        <Found found={found} current={current} onGo={(id) => go(id, true)} />
        {troubled.length > 0 ? (
          <Button
            size="compact-sm"
            variant="light"
            color="red"
            leftSection={<IconAlertTriangle size={14} aria-hidden />}
            title={words.forest.nextProblem}
            onClick={() => go(nextOf(troubled, current, 1), true)}
          >
            {words.library.problems.title(troubled.length)}
          </Button>
        ) : null}
        <span id="forest-help" className={classes.help}>
          {words.forest.help}
        </span>
      </div>
      <div className={classes.stage}>
        <ReactFlowProvider>
          <div
            ref={stageRef}
            className={classes.tree}
            role="tree"
            tabIndex={0}
            aria-label={words.forest.tree}
            aria-describedby="forest-help"
            aria-activedescendant={
              current !== null && layout.places.has(current) ? outlineId(current) : undefined
            }
            onKeyDown={onKeyDown}
          >
            <ForestOutline trees={trees} onPick={pick} />
          </div>
          <ForestCanvas picture={picture} wish={wish} zoomRef={zoomRef} onPick={open} />
        </ReactFlowProvider>
      </div>
    </section>
  );
}

/** A gap has no details of its own: those of what misses it tell what helps. */
const imageToOpen = ({ id, subject, children }: ForestNode): string =>
  subject.kind === 'gap' ? (children[0]?.id ?? id) : id;

interface FoundProps {
  found: readonly string[] | null;
  current: string | null;
  onGo: (id: string | null) => void;
}

function Found({ found, current, onGo }: FoundProps) {
  const step = (direction: -1 | 1) => onGo(nextOf(found ?? [], current, direction));
  return (
    <span className={classes.found}>
      <span role="status">
        {found === null ? '' : words.forest.found(found.indexOf(current ?? '') + 1, found.length)}
      </span>
      {found !== null && found.length > 0 ? (
        <>
          <ActionIcon variant="default" size={26} aria-label={words.forest.previous} onClick={() => step(-1)}>
            <IconChevronLeft size={15} aria-hidden />
          </ActionIcon>
          <ActionIcon variant="default" size={26} aria-label={words.forest.next} onClick={() => step(1)}>
            <IconChevronRight size={15} aria-hidden />
          </ActionIcon>
        </>
      ) : null}
    </span>
  );
}
