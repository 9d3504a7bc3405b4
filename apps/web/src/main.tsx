import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import '@mantine/spotlight/styles.css';
import './theme/tokens.css';
import './theme/base.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { endpoints } from '@strata/contract';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { openAccess } from './api/access.ts';
import { call } from './api/call.ts';
import { createQueryClient } from './api/query-client.ts';
import { AccessGate } from './features/frame/access-gate.tsx';
import { router } from './routes.tsx';
import { theme } from './theme/theme.ts';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

await openAccess(async (code) => (await call(endpoints.openSession, { body: { code } })).token);

createRoot(root).render(
  <StrictMode>
    {/* The variables and classes come from tokens.css: the policy takes no <style> element. */}
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={createQueryClient()}>
        <Notifications position="bottom-right" limit={4} containerWidth={400} className="notifications" />
        <AccessGate>
          <RouterProvider router={router} />
        </AccessGate>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
