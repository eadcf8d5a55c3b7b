using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Engine;

internal abstract partial class TlsEngine
{
    private SmTlsError Process(RecordHeader header, Span<byte> fragment, out Span<byte> applicationData)
    {
        applicationData = default;
        if (_isPeerClosed)
        {
            return Refuse(SmTlsError.UnexpectedMessage, "the peer sent a record after its close_notify");
        }
        // A peer that refuses the very version says so in a record of its own one. Alerts in the clear prove nothing in either.
        bool isRefusal = header.Type == RecordType.Alert && _read is null;
        if (!isRefusal && !AcceptsRecordVersion(header.Version))
        {
            return Refuse(SmTlsError.InvalidRecordVersion, $"a record of version {header.Version:x4}, which is not {Protocol}'s");
        }
        RecordType type = header.Type;
        Span<byte> content = fragment;
        if (_read is not null && !AcceptsUnprotected(header))
        {
            if (_read.Open(header, fragment, out type, out content) is var error and not SmTlsError.None)
            {
                if (error == SmTlsError.BadRecordMac && SkipsUnreadable(fragment.Length))
                {
                    return SmTlsError.None;
                }
                return Refuse(error, error == SmTlsError.BadRecordMac ? "a record does not authenticate: it was changed on the way, or the peer has other keys" : $"a record cannot be opened ({error.ToCode()})");
            }
            if (type == RecordType.ChangeCipherSpec)
            {
                return Refuse(SmTlsError.UnexpectedMessage, "a protected ChangeCipherSpec");
            }
            if (_read.IsKeyLimitNear && _isHandshakeComplete)
            {
                OnReadKeyLimit(_read.SequenceNumber);
            }
        }
        else if (_read is null && header.Type == RecordType.ApplicationData && SkipsUnreadable(fragment.Length))
        {
            return SmTlsError.None;
        }
        else if (fragment.Length > RecordHeader.MaxPlaintext)
        {
            return Refuse(SmTlsError.RecordOverflow, $"an unprotected record of {fragment.Length} bytes");
        }
        if (HasPartialMessage && type is not (RecordType.Handshake or RecordType.Alert))
        {
            return Refuse(SmTlsError.UnexpectedMessage, $"a record of type {type} inside a handshake message");
        }
        switch (type)
        {
            case RecordType.ApplicationData:
                applicationData = content;
                return OnApplicationData(content.Length);
            case RecordType.Handshake:
                return OnHandshakeContent(content);
            case RecordType.Alert:
                return OnAlert(content);
            case RecordType.ChangeCipherSpec when content is not [1]:
                return Refuse(SmTlsError.DecodeError, "a ChangeCipherSpec that is not one byte of value 1");
            case RecordType.ChangeCipherSpec:
                return CountIdle() is var flood and not SmTlsError.None ? flood : OnChangeCipherSpec();
            default:
                return Refuse(SmTlsError.InvalidRecordType, $"a record of type {(byte)type}");
        }
    }

    private SmTlsError OnApplicationData(int length)
    {
        if (!_isHandshakeComplete)
        {
            return Refuse(SmTlsError.UnexpectedMessage, "application data before the handshake was complete");
        }
        if (length == 0)
        {
            return CountIdle();
        }
        HasReceivedData = true;
        (_idleRecords, _warnings, _handshakeBytes) = (0, 0, 0);
        return SmTlsError.None;
    }

    /// <summary>Counts a record that has no effect for the application; refused when there are too many in a row.</summary>
    protected SmTlsError CountIdle() => ++_idleRecords > Settings.MaxIdleRecords
        ? Refuse(SmTlsError.TooManyMessages, $"more than {Settings.MaxIdleRecords} records without effect in a row")
        : SmTlsError.None;

    private SmTlsError OnHandshakeContent(ReadOnlySpan<byte> content)
    {
        _handshakeBytes += content.Length;
        if (_handshakeBytes > Settings.MaxHandshakeBytes)
        {
            return Refuse(SmTlsError.TooManyMessages, $"more than {Settings.MaxHandshakeBytes} bytes of handshake messages");
        }
        if (_reader.Append(content) is var appended and not SmTlsError.None)
        {
            return Refuse(appended, content.IsEmpty ? "an empty handshake record" : "handshake messages without end");
        }
        while (true)
        {
            TlsReadStatus status = _reader.TryRead(out HandshakeMessage message, out SmTlsError error);
            if (status == TlsReadStatus.NeedMoreData)
            {
                break;
            }
            if (status == TlsReadStatus.Malformed)
            {
                return Refuse(error, $"a handshake message longer than {Settings.MaxMessageLength} bytes");
            }
            error = _isHandshakeComplete && message.Type is (HandshakeType.HelloRequest or HandshakeType.ClientHello)
                ? Refuse(SmTlsError.RenegotiationRefused, $"a {message.Type} on an open connection; there is no renegotiation")
                : OnHandshake(message);
            if (error != SmTlsError.None)
            {
                return error;
            }
        }
        if (_isHandshakeComplete)
        {
            _reader.Trim();
        }
        return SmTlsError.None;
    }

    private SmTlsError OnAlert(ReadOnlySpan<byte> content)
    {
        if (TlsAlert.Read(content, out TlsAlert alert) is var error and not SmTlsError.None)
        {
            return Refuse(error, "an alert that does not decode");
        }
        string when = _isHandshakeComplete ? "" : " during the handshake";
        if (alert.Description == AlertDescription.CloseNotify)
        {
            _isPeerClosed = true;
            return _isHandshakeComplete ? SmTlsError.None : Refuse(SmTlsError.PeerCanceled, "the peer closed the connection during the handshake");
        }
        if (IsFatal(alert))
        {
            // The peer is gone: it gets no alert in answer.
            SmTlsException failure = new(alert.Description, $"the peer ended the connection{when}: {alert.Name}");
            Fail(failure, alert: null);
            return failure.Error;
        }
        return ++_warnings > Settings.MaxWarnings
            ? Refuse(SmTlsError.TooManyMessages, $"more than {Settings.MaxWarnings} warnings in a row, the last {alert.Name}")
            : SmTlsError.None;
    }
}
