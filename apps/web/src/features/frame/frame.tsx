import { Burger, Drawer, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { spotlight } from '@mantine/spotlight';
import { IconSearch } from '@tabler/icons-react';
import { Outlet, useRouterState } from '@tanstack/react-router';
import { Suspense, useEffect } from 'react';
import { words } from '../../lib/words.ts';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { OperationsBar } from '../operations/operations-bar.tsx';
import { Breadcrumb } from './breadcrumb.tsx';
import { CommandPalette } from './command-palette.tsx';
import { ConnectionBanner } from './connection-banner.tsx';
import classes from './frame.module.css';
import { Logo } from './logo.tsx';
import { Navigation } from './navigation.tsx';
import { SpaceBanner } from './space-banner.tsx';

/** Left the navigation, above breadcrumb and search, below the operations bar; the page between them scrolls. */
export function Frame() {
  const [opened, { open, close }] = useDisclosure(false);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the navigation of a narrow window
  useEffect(close, [pathname]);
  return (
    <div className={classes.frame}>
      <a className={classes.skip} href="#content">
        {words.frame.skipToContent}
      </a>
      <aside className={classes.side}>
        <Navigation />
      </aside>
      <Drawer
        opened={opened}
        onClose={close}
        size="17rem"
        title={<Logo />}
        closeButtonProps={{ 'aria-label': words.frame.closeNavigation }}
        classNames={{ body: classes.drawerBody ?? '' }}
      >
        <Navigation withLogo={false} />
      </Drawer>
      <header className={classes.top}>
        <Burger
          className={classes.burger}
          opened={opened}
          onClick={open}
          size="sm"
          aria-label={words.frame.openNavigation}
        />
        <Breadcrumb />
        <UnstyledButton className={classes.search} onClick={spotlight.open} aria-label={words.frame.search}>
          <IconSearch size={15} aria-hidden />
          <span className={classes.searchText}>{words.frame.search}</span>
          <kbd className={classes.key}>{words.frame.searchKey}</kbd>
        </UnstyledButton>
      </header>
      <main className={classes.main} id="content" tabIndex={-1}>
        <ConnectionBanner />
        <SpaceBanner />
        <Suspense fallback={<PagePlaceholder />}>
          <Outlet />
        </Suspense>
      </main>
      <footer className={classes.bottom}>
        <OperationsBar />
      </footer>
      <CommandPalette />
    </div>
  );
}

function PagePlaceholder() {
  return (
    <div className={classes.placeholder}>
      <RowSkeletons />
    </div>
  );
}
