// Instead of WebRTC: descriptions of plain RTP, whose sound is sent and heard by the test itself.

export class PlainConnection extends EventTarget {
  // `sound`: where the test listens, {host, port}.
  static sound = { host: '127.0.0.1', port: 9 };

  constructor() {
    super();
    this.signalingState = 'stable';
    this.iceGatheringState = 'complete';
    this.iceConnectionState = 'connected';
    this.connectionState = 'connected';
    this.localDescription = null;
    this.remoteDescription = null;
    this.version = 0;
  }

  getSenders() { return []; }
  getReceivers() { return []; }
  getTransceivers() { return []; }
  addTrack() { return {}; }

  async createOffer() { return { type: 'offer', sdp: this.describe('sendrecv') }; }

  async createAnswer() {
    const theirs = /a=(sendonly|recvonly|inactive)/.exec(this.remoteDescription.sdp);
    const ours = { sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' };
    return { type: 'answer', sdp: this.describe(theirs ? ours[theirs[1]] : 'sendrecv') };
  }

  async setLocalDescription(description) {
    this.localDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
  }

  async setRemoteDescription(description) {
    this.remoteDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
  }

  close() { this.signalingState = 'closed'; }

  describe(direction) {
    const { host, port } = PlainConnection.sound;
    this.version += 1;
    return [
      'v=0', `o=- 7 ${this.version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0',
      `m=audio ${port} RTP/AVP 0 101`, 'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', `a=${direction}`, '',
    ].join('\r\n');
  }
}

export class PlainDescription {
  constructor({ type, sdp }) { Object.assign(this, { type, sdp }); }
}
