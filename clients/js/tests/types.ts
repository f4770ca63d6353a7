// Compiled and never run: what must not compile does not.
import { NovaStreamViewer } from '../src/index.js';

const viewer = new NovaStreamViewer('id', 'token');
viewer.on('viewer_count_changed', data => data.viewer_count.toFixed());
viewer.on('closed', closed => closed.code === 'token_expired');
// @ts-expect-error There is no such event.
viewer.on('viewer_count_change', () => {});
// @ts-expect-error It has no such member.
viewer.on('quality_changed', data => data.quality);
// @ts-expect-error There is no such quality.
viewer.on('stream_started', data => data.quality === '480p');
viewer.send({ event: 'get_stream_info', data: { request_id: 'mine' } });
// @ts-expect-error A viewer sends no such event.
viewer.send({ event: 'stream_started', data: {} });
// @ts-expect-error There is no such issue type.
void viewer.reportIssue({ issue_type: 'slow', severity: 'low' });
// @ts-expect-error The gateway's address is called url.
new NovaStreamViewer('id', 'token', { address: 'https://nova.example.com' });
