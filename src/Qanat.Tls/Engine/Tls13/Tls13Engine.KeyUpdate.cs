using Qanat.Tls.Messages;

namespace Qanat.Tls.Engine.Tls13;

internal abstract partial class Tls13Engine
{
    /// <summary>A peer that changes its keys by itself does so when its limit is near; only one that went so many records on is asked.</summary>
    private const ulong RecordsBeforeAsking = 1UL << 20;

    private int _answersDue;

    /// <summary>Changes this end's keys, and asks the peer to change its own if wanted (RFC 8446 section 4.6.3). For the sender; nothing is sent once this end is closed.</summary>
    /// <exception cref="InvalidOperationException">The handshake is not complete.</exception>
    public void UpdateKeys(bool requestPeer)
    {
        if (!IsHandshakeComplete)
        {
            throw new InvalidOperationException("Keys can be updated when the handshake is complete.");
        }
        QueueKeyUpdate(requestPeer);
    }

    /// <summary>How often the peer has changed its keys.</summary>
    public int PeerKeyUpdates { get; private set; }

    /// <inheritdoc/>
    protected override void OnWriteKeyLimit(ulong sequenceNumber)
    {
        // What waits may be a KeyUpdate already; if it is not, the next records bring this up again.
        if (!HasOutput)
        {
            QueueKeyUpdate(requestPeer: false);
        }
    }

    /// <inheritdoc/>
    protected override void OnReadKeyLimit(ulong sequenceNumber)
    {
        if (sequenceNumber % RecordsBeforeAsking == RecordsBeforeAsking - 1 && Volatile.Read(ref _answersDue) == 0)
        {
            QueueKeyUpdate(requestPeer: true);
        }
    }

    /// <summary>Takes a KeyUpdate of the peer: its records come under the next keys, and it is answered if it asks for that.</summary>
    private protected SmTlsError TakeKeyUpdate(HandshakeMessage message)
    {
        if (Tls13Messages.ReadKeyUpdate(message.Body, out bool isUpdateRequested) is var error and not SmTlsError.None)
        {
            return Refuse(error, "a KeyUpdate that is neither 0 nor 1");
        }
        bool isAnswer = Volatile.Read(ref _answersDue) > 0;
        if (isAnswer)
        {
            Interlocked.Decrement(ref _answersDue);
        }
        else if (CountIdle() is var flood and not SmTlsError.None)
        {
            return flood;
        }
        Keys.UpdateApplicationSecret(!IsServer);
        error = ProtectReading(ProtectionOf(IsServer ? Keys.ClientApplicationTrafficSecret : Keys.ServerApplicationTrafficSecret));
        if (error != SmTlsError.None)
        {
            return error;
        }
        PeerKeyUpdates++;
        // One answer does for all requests before it (RFC 8446 section 4.6.3), so a peer that asks and never reads cannot make answers pile up.
        if (isUpdateRequested && !IsDeferred(KeyUpdateOf(requestPeer: false)))
        {
            QueueKeyUpdate(requestPeer: false);
        }
        return SmTlsError.None;
    }

    // Secrets are updated in the order in which the messages go out.
    private void QueueKeyUpdate(bool requestPeer)
    {
        lock (SendingLock)
        {
            _answersDue += requestPeer ? 1 : 0;
            Keys.UpdateApplicationSecret(IsServer);
            SendMessage(KeyUpdateOf(requestPeer), ProtectionOf(IsServer ? Keys.ServerApplicationTrafficSecret : Keys.ClientApplicationTrafficSecret));
        }
    }

    private static ReadOnlySpan<byte> KeyUpdateOf(bool requestPeer) =>
        requestPeer ? [(byte)HandshakeType.KeyUpdate, 0, 0, 1, 1] : [(byte)HandshakeType.KeyUpdate, 0, 0, 1, 0];
}
