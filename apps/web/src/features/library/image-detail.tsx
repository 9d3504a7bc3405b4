import { Alert, Button, Group, Text, UnstyledButton } from '@mantine/core';
import type { Image } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { imageChainQuery } from '../../api/queries.ts';
import { toldApart, useImageNames } from '../../api/use-image-names.ts';
import { internalName } from '../../lib/internal-name.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { When } from '../../ui/when.tsx';
import { LookInsideButton } from '../inside/look-inside-button.tsx';
import { deletesAsLayer } from '../layers/conceivable-actions.ts';
import { ImageActions } from '../layers/image-actions.tsx';
import { isDisk } from '../vm-form/image-select.tsx';
import { SumList } from './checksum-facts.tsx';
import { ContentsFacts } from './contents-facts.tsx';
import { CreateImageDialog } from './create-image-dialog.tsx';
import { DeleteImageButton } from './delete-image-button.tsx';
import classes from './image-detail.module.css';
import { isRepairable, problemsOf } from './image-list.ts';
import { ImageName } from './image-name.tsx';
import { ImageWork } from './image-work.tsx';
import { RepairDialog } from './repair-dialog.tsx';
import { breakRefusal, useBreak } from './use-break.ts';

interface ImageDetailProps {
  image: Image;
  onClose: () => void;
  onOpen: (imageId: string) => void;
}

/** Everything about one image, and what can be done with it here. */
export function ImageDetail({ image, onClose, onOpen }: ImageDetailProps) {
  const [overlay, setOverlay] = useState(false);
  const [repairing, setRepairing] = useState(false);
  const nameOf = useImageNames();
  const found = useBreak(image);
  const chain = useQuery(imageChainQuery(image.id)).data?.layers;
  const { detail } = words.library;
  const qcow2Chain = image.role !== 'media';
  const isForeign = isDisk(image) && image.present && !['qcow2', 'raw'].includes(image.format);
  const hasActions = qcow2Chain && image.present;
  // Then it is among what can be done with it in its chain, with its plan: once is enough.
  const deletedBelow = hasActions && deletesAsLayer(chain?.length ?? 1, image.overlays.length > 0);
  return (
    <div className={classes.detail}>
      <ImageName key={image.name} image={image} />
      <Problems image={image} />
      {isForeign ? (
        <Text size="sm" c="dimmed">
          {detail.bootText(image.format)}
        </Text>
      ) : null}
      <Group gap={8}>
        {isForeign ? <BootButton image={image} broken={breakRefusal(found)} /> : null}
        {qcow2Chain ? (
          <Button
            variant={isForeign ? 'default' : 'filled'}
            renderRoot={(props) => <Link to="/library/$imageId" params={{ imageId: image.id }} {...props} />}
          >
            {detail.layersView}
          </Button>
        ) : null}
        {qcow2Chain ? (
          <ReasonedButton variant="default" reason={breakRefusal(found)} onClick={() => setOverlay(true)}>
            {detail.overlay}
          </ReasonedButton>
        ) : null}
        {image.present ? <LookInsideButton imageId={image.id} reason={breakRefusal(found)} /> : null}
        {isRepairable(image) ? (
          <Button variant="default" onClick={() => setRepairing(true)}>
            {words.repair.button}
          </Button>
        ) : null}
        <ImageWork image={image} />
        {deletedBelow || (hasActions && chain === undefined) ? null : (
          <DeleteImageButton image={toldApart(image, nameOf)} onDeleted={onClose} />
        )}
      </Group>
      <Facts image={image} />
      {image.present ? (
        <Section title={words.contents.title}>
          <ContentsFacts image={image} />
        </Section>
      ) : null}
      {image.checksums.length === 0 ? null : (
        <Section title={words.imageChanges.checksum.facts}>
          <SumList sums={image.checksums} />
        </Section>
      )}
      {hasActions ? (
        <Section title={detail.actions}>
          <ImageActions key={image.id} image={image} />
        </Section>
      ) : null}
      <Chain image={image} missing={found?.missing ?? null} onOpen={onOpen} />
      <Overlays image={image} onOpen={onOpen} />
      <Uses image={image} />
      <InternalSnapshots image={image} />
      {repairing ? (
        <RepairDialog image={image} name={nameOf(image)} onClose={() => setRepairing(false)} />
      ) : null}
      <CreateImageDialog opened={overlay} onClose={() => setOverlay(false)} backing={image} />
    </div>
  );
}

/** New VM proposes an overlay over it, and nothing else. */
function BootButton({ image, broken }: { image: Image; broken: string | null }) {
  const navigate = useNavigate();
  return (
    <ReasonedButton
      reason={broken ?? image.problems[0]?.message ?? null}
      onClick={() => void navigate({ to: '/vms/new', search: { image: image.id } })}
    >
      {words.library.detail.boot}
    </ReasonedButton>
  );
}

function Problems({ image }: { image: Image }) {
  return problemsOf(image).map((problem) => (
    <Alert
      key={problem.code}
      color="red"
      icon={<IconAlertTriangle size={18} aria-hidden />}
      title={problem.message}
    >
      {problem.repair}
    </Alert>
  ));
}

function Facts({ image }: { image: Image }) {
  const { detail, roles } = words.library;
  return (
    <dl className={classes.facts}>
      <dt>{detail.path}</dt>
      <dd className={classes.path}>
        <code>{image.path}</code>
        <CopyButton compact text={image.path} label={detail.copyPath} />
      </dd>
      <dt>{detail.format}</dt>
      <dd>{image.format}</dd>
      <dt>{detail.role}</dt>
      <dd>{roles[image.role]}</dd>
      <dt>{detail.virtualSize}</dt>
      <dd>
        <Bytes value={image.virtualSize} />
      </dd>
      <dt>{detail.stored}</dt>
      <dd>
        <Bytes value={image.allocatedSize} />
      </dd>
      <dt>{detail.modified}</dt>
      <dd>
        <When at={image.modifiedAt} />
      </dd>
      {image.lastCheck ? (
        <>
          <dt>{words.many.lastCheck}</dt>
          <dd>
            {words.many.states[image.lastCheck.state]}, <When at={image.lastCheck.at} />
          </dd>
        </>
      ) : null}
      {image.backing ? (
        <>
          <dt>{detail.backing}</dt>
          <dd>
            <code>{image.backing.path}</code> ({detail.backingStates[image.backing.state]})
          </dd>
        </>
      ) : null}
    </dl>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3 className={classes.heading}>{title}</h3>
      {children}
    </section>
  );
}

interface ChainProps {
  image: Image;
  /** The path of a member that is not there. */
  missing: string | null;
  onOpen: (id: string) => void;
}

function Chain({ image, missing, onOpen }: ChainProps) {
  const chain = useQuery(imageChainQuery(image.id));
  const nameOf = useImageNames();
  const { chain: title } = words.library.detail;
  const { member } = words.library.brokenChain;
  if (chain.data === undefined) return null;
  const { layers } = chain.data;
  const unknown = missing !== null && !layers.some(({ path }) => path === missing);
  if (layers.length + Number(unknown) < 2) return null;
  return (
    <Section title={title}>
      <ol className={classes.list}>
        {layers.map((layer) => (
          <li key={layer.id}>
            {layer.id === image.id ? (
              <strong>{nameOf(layer)}</strong>
            ) : (
              <UnstyledButton className={classes.link} onClick={() => onOpen(layer.id)}>
                {nameOf(layer)}
              </UnstyledButton>
            )}{' '}
            ·{' '}
            {layer.present ? <Bytes value={layer.allocatedSize} /> : <b className={classes.bad}>{member}</b>}
          </li>
        ))}
        {unknown ? (
          <li>
            <code>{missing}</code> · <b className={classes.bad}>{member}</b>
          </li>
        ) : null}
      </ol>
    </Section>
  );
}

function Overlays({ image, onOpen }: { image: Image; onOpen: (id: string) => void }) {
  const nameOf = useImageNames();
  if (image.overlays.length === 0) return null;
  return (
    <Section title={words.library.detail.overlays}>
      <ul className={classes.list}>
        {image.overlays.map((id) => (
          <li key={id}>
            <UnstyledButton className={classes.link} onClick={() => onOpen(id)}>
              {nameOf({ id, name: id })}
            </UnstyledButton>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Uses({ image }: { image: Image }) {
  const { detail } = words.library;
  const uses = image.usedBy.filter(({ kind }) => kind !== 'overlay');
  if (uses.length === 0 && image.overlays.length > 0) return null;
  return (
    <Section title={detail.usedBy}>
      {uses.length === 0 ? <p className={classes.muted}>{detail.usedByNobody}</p> : null}
      <ul className={classes.list}>
        {uses.map((use) => (
          <li key={`${use.kind} ${use.id}`}>
            {detail.uses[use.kind]}{' '}
            {use.kind === 'vm' ? (
              <Link to="/vms/$vmId/layers" params={{ vmId: use.id }}>
                {use.name}
              </Link>
            ) : (
              use.name
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function InternalSnapshots({ image }: { image: Image }) {
  const { detail } = words.library;
  if (image.internalSnapshots.length === 0) return null;
  return (
    <Section title={detail.internal}>
      <ul className={classes.list}>
        {image.internalSnapshots.map((snapshot) => (
          <li key={snapshot.id}>
            ◆ {internalName(image, snapshot.tag)} ·{' '}
            {snapshot.vmStateSize > 0 ? detail.internalMemory(snapshot.vmStateSize) : detail.internalDisk}
            {internalName(image, snapshot.tag) === snapshot.tag
              ? null
              : ` · ${detail.internalTag(snapshot.tag)}`}
            {snapshot.createdAt ? (
              <>
                {' · '}
                <When at={snapshot.createdAt} />
              </>
            ) : null}
          </li>
        ))}
      </ul>
    </Section>
  );
}
