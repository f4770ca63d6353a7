// The reference page of the WebSocket: the official React component, with what our extensions say as tables. `asyncapi.mjs --write` bundles it.
import React from 'react';
import { createRoot } from 'react-dom/client';
import AsyncApi from '@asyncapi/react-component/lib/esm/without-parser.js';
import { Markdown } from '@asyncapi/react-component/lib/esm/components/index.js';
import contract from 'contract';

const element = React.createElement;
const channel = contract.channels.viewer;
const about = channel.description;
const tables = [
  ['Handshake: refusals', 'x-nova-handshake', ['status', 'error_code', 'reason', 'when', 'retry'], 'refusals'],
  ['Close codes', 'x-nova-close-codes', ['code', 'when', 'reconnect']],
  ['Codes of errors', 'x-nova-error-codes', ['error_code', 'severity', 'recoverable', 'lasting', 'sender', 'when', 'action'], 'errors'],
  ['Limits', 'x-nova-limits', ['name', 'value']],
  ['Rates', 'x-nova-rates', ['name', 'per_second', 'per_minute', 'burst']],
].map(([title, name, columns, rows]) => ({ title, name, columns, value: channel[name], rows: rowsOf(rows ? channel[name][rows] : channel[name]) }));

/** The component repeats the channel's text with each of its operations; the page has it once, in front. */
function withoutChannelTexts(node) {
  if (node?.['x-nova-handshake']) {
    delete node.description;
    tables.forEach(({ name }) => delete node[name]);
  }

  if (node && typeof node === 'object') {
    Object.values(node).forEach(withoutChannelTexts);
  }

  return node;
}

function rowsOf(value) {
  return Array.isArray(value) ? value : Object.entries(value).filter(([name]) => name !== 'description')
    .map(([name, item]) => ({ name, ...(typeof item === 'object' ? item : { value: item }) }));
}

function Table({ title, name, columns, value, rows }) {
  return element('section', { id: name, className: 'reference-section' },
    element('h2', { className: 'text-2xl' }, title),
    element(Markdown, null, `\`${name}\`${value.description ? `: ${value.description}` : ''}`),
    element('div', { className: 'prose max-w-none text-sm reference-table' }, element('table', null,
      element('thead', null, element('tr', null, columns.map(column => element('th', { key: column }, column.replaceAll('_', ' '))))),
      element('tbody', null, rows.map((row, index) => element('tr', { key: index },
        columns.map(column => element('td', { key: column }, row[column] === undefined ? '' : element(Markdown, null, String(row[column]))))))))),
    value.tools && element(Markdown, null, value.tools));
}

function ChannelTexts() {
  return element('div', { className: 'mt-4' }, element(Markdown, null, about), tables.map(table => element(Table, { key: table.name, ...table })));
}

createRoot(document.getElementById('reference')).render(element(AsyncApi, {
  schema: withoutChannelTexts(contract),
  config: { show: { sidebar: true, errors: false }, expand: { messageExamples: true } },
  plugins: [{ name: 'channel-texts', version: '1.0.0', install: api => api.registerComponent('info', ChannelTexts) }],
}));
