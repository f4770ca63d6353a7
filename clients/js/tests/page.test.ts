import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { Broadcast, command, lab, Nova, sharedGateway, startGateway, until } from './lab/nova.js';

// The 20 lines of example/watch.html in a browser, while everything happens to them that happens to a page. Each time they end with what the API says.

let whole: Nova, browser: Browser;
beforeAll(async () => {
  whole = new Nova((await sharedGateway()).url);
  browser = await chromium.launch({ executablePath: ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync), args: ['--no-sandbox', '--disable-gpu'] });
});
afterAll(() => browser?.close());

class WatchPage {
  private constructor(readonly stream: Broadcast, readonly page: Page) {}

  static async open(url: string): Promise<WatchPage> {
    const stream = await whole.stream();
    const page = await browser.newPage();
    await page.goto(`${lab}/example/watch.html?stream=${stream.id}&nova=${url}&lifetime=24`);
    const opened = new WatchPage(stream, page);
    await opened.expectShown();
    return opened;
  }

  async expectShown(ms = 60_000): Promise<void> {
    await until(async () => {
      const { title, status, viewer_count, quality } = await this.stream.get();
      const shown = await this.page.evaluate(() => Object.fromEntries(['title', 'connection', 'viewer_count', 'quality'].map(id => [id, document.getElementById(id)!.textContent])));
      return Object.entries({ title, connection: status, viewer_count, quality }).filter(([id, value]) => shown[id] !== `${value}`).map(([id, value]) => `${id} is ${shown[id]}, not ${value}`).join();
    }, ms, 200).toBe('');
  }
}

const frozenMs = Number(process.env.FROZEN_SECONDS ?? 75) * 1000;

describe.concurrent('the page of 20 lines', { timeout: 180_000 + frozenMs }, () => {
  test('survives a gateway that is killed, one that is drained, and a Redis that forgot everything', async () => {
    const gateway = await startGateway();
    const watching = await WatchPage.open(gateway.url);
    await command('kill', gateway);
    await watching.stream.quality('720p', 3000);
    await command('restart', gateway);
    await watching.expectShown();

    await command('drain', gateway);
    await watching.stream.quality('4k', 9000);
    await command('restart', gateway);
    await watching.expectShown();

    await command('restart-redis');
    await watching.stream.quality('720p', 3000);
    await watching.expectShown();
  });

  // 75 s: no timer of the page runs, its token expires, and Nova closes its socket.
  test('survives being frozen', async () => {
    const watching = await WatchPage.open(whole.url);
    const session = await watching.page.context().newCDPSession(watching.page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    await watching.stream.quality('4k', 9000);
    await new Promise(done => setTimeout(done, frozenMs));
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await watching.expectShown(20_000);
  });
});
