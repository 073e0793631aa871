// A telephone in a page: JsSIP, told what to do by `phone.…` from the test.

import JsSIP from 'jssip';
import { PlainConnection, PlainDescription } from './sound.js';

window.RTCPeerConnection = PlainConnection;
window.RTCSessionDescription = PlainDescription;

const sockets = []; // All that were ever opened.

class Watched extends window.WebSocket {
  constructor(...all) {
    super(...all);
    sockets.push(this);
  }
}
window.WebSocket = Watched;

class Phone {
  constructor() {
    this.events = [];
    this.session = null;
    this.incoming = null;
  }

  start({ uri, user, password, host, port, expires }) {
    PlainConnection.sound = { host, port };
    const socket = new JsSIP.WebSocketInterface(uri);
    this.ua = new JsSIP.UA({
      sockets: [socket],
      uri: `sip:${user}@${new URL(uri).host}`,
      password,
      register_expires: expires,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 1,
    });
    for (const name of ['connected', 'disconnected', 'registered', 'unregistered',
      'registrationFailed']) {
      this.ua.on(name, () => this.note(name));
    }
    this.ua.on('newRTCSession', ({ session, originator }) => this.take(session, originator));
    this.ua.start();
  }

  note(name) { this.events.push(name); }

  take(session, originator) {
    this.session = session;
    if (originator === 'remote') this.note('ringing');
    for (const name of ['progress', 'accepted', 'confirmed', 'ended', 'failed', 'hold', 'unhold']) {
      session.on(name, (event) => {
        const who = event && event.originator ? ` ${event.originator}` : '';
        const cause = event && event.cause ? ` ${event.cause}` : '';
        this.note(`${name}${who}${cause}`);
      });
    }
  }

  // What people do.
  call(number) { this.ua.call(number, { mediaStream: new MediaStream() }); }
  answer() { this.session.answer({ mediaStream: new MediaStream() }); }
  hangUp() { this.session.terminate(); }
  hold() { return this.session.hold(); }
  resume() { return this.session.unhold(); }
  transfer(number) {
    const report = (name) => () => this.note(`transfer ${name}`);
    this.session.refer(number, {
      eventHandlers: {
        requestSucceeded: report('taken'),
        requestFailed: report('refused'),
        accepted: report('done'),
        failed: report('failed'),
      },
    });
  }

  // Asks a third one first, then connects him with the one on hold.
  async consult(number) {
    this.first = this.session;
    await this.first.hold();
    this.call(number);
  }

  connect() {
    const report = (name) => () => this.note(`transfer ${name}`);
    this.first.refer(this.session.remote_identity.uri, {
      replaces: this.session,
      eventHandlers: { requestSucceeded: report('taken'), accepted: report('done'),
        failed: report('failed'), requestFailed: report('refused') },
    });
  }

  digit(key) { this.session.sendDTMF(key, { transportType: 'INFO' }); }

  // What can be seen.
  get registered() { return this.ua.isRegistered(); }
  get remote() {
    const sdp = this.session.connection.remoteDescription.sdp;
    return [/^c=IN IP4 (\S+)/m.exec(sdp)[1], Number(/^m=audio (\d+)/m.exec(sdp)[1])];
  }

  // What happens to people.
  drop() { sockets[sockets.length - 1].close(); }
  register() { this.ua.register(); }
}

window.phone = new Phone();
