// A telephone in a page: JsSIP, told what to do by `phone.…` from the test.

import JsSIP from 'jssip';
import { Ear, Voice } from './sound.js';

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
    this.sessions = [];
    this.setups = []; // Milliseconds from the answer of each call until sound can flow.
    this.answerAfter = null; // Milliseconds, by turns: calls are answered by themselves.
    this.ear = new Ear();
  }

  start({ uri, user, password, hz, expires }) {
    this.voice = new Voice(hz);
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
    this.sessions.push(session);
    if (originator === 'remote') this.note('ringing');
    for (const name of ['progress', 'accepted', 'confirmed', 'ended', 'failed', 'hold', 'unhold']) {
      session.on(name, (event) => {
        const who = event && event.originator ? ` ${event.originator}` : '';
        const cause = event && event.cause ? ` ${event.cause}` : '';
        this.note(`${name}${who}${cause}`);
      });
    }
    if (session.connection) this.watch(session, session.connection);
    session.on('peerconnection', ({ peerconnection }) => this.watch(session, peerconnection));
    if (originator === 'remote' && this.answerAfter !== null) {
      const wait = this.answerAfter[this.sessions.length % this.answerAfter.length];
      setTimeout(() => this.answer(session), wait);
    }
  }

  watch(session, connection) {
    let answered = null;
    session.on('accepted', () => { answered = performance.now(); });
    const look = () => {
      this.note(`connection ${connection.connectionState}`);
      if (connection.connectionState === 'connected') {
        this.setups.push(answered === null ? 0 : performance.now() - answered);
      }
    };
    connection.addEventListener('connectionstatechange', look);
    connection.addEventListener('track', ({ track }) => this.ear.hear(track));
  }

  // What people do.
  call(number) { this.ua.call(number, { mediaStream: this.voice.stream() }); }
  answer(session = this.session) { session.answer({ mediaStream: this.voice.stream() }); }
  hangUp() { this.session.terminate(); }
  hangUpAll() { for (const one of this.sessions) if (!one.isEnded()) one.terminate(); }
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

  digit(key) { this.session.sendDTMF(key, { transportType: 'RFC2833' }); }
  restartIce() { return this.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }); }

  // What can be seen and heard.
  get registered() { return this.ua.isRegistered(); }
  listen(seconds) { return this.ear.listen(seconds); }
  async transport() {
    const found = {};
    for (const one of (await this.session.connection.getStats()).values()) {
      if (one.type === 'transport') Object.assign(found, { dtls: one.dtlsState, srtp: one.srtpCipher });
      if (one.type === 'inbound-rtp') Object.assign(found, { lost: one.packetsLost });
    }
    return found;
  }

  // How far each call that goes on has come, for who waits in vain.
  async states() {
    const told = [];
    for (const session of this.sessions.filter((one) => !one.isEnded())) {
      const connection = session.connection;
      const state = [connection.connectionState, connection.iceConnectionState,
        connection.signalingState];
      for (const one of (await connection.getStats()).values()) {
        const { type } = one;
        if (type === 'transport') state.push(`dtls ${one.dtlsState} ${one.dtlsRole}`);
        if (type === 'candidate-pair') {
          state.push(`${one.state} ${one.nominated} ${one.requestsSent}/${one.responsesReceived}`);
        }
        if (type === 'inbound-rtp') state.push(`heard ${one.packetsReceived}`);
        if (type === 'outbound-rtp') state.push(`said ${one.packetsSent}`);
      }
      told.push(state.join(', '));
    }
    return told;
  }

  // What happens to people.
  drop() { sockets[sockets.length - 1].close(); }
  register() { this.ua.register(); }
}

window.phone = new Phone();
