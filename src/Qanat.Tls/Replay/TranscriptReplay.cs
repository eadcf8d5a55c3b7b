using System.Security.Cryptography;
using Qanat.Tls.Certificates;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Replay;

/// <summary>
/// Decodes a recorded TLCP or TLS 1.3-SM connection: reads both directions, derives the keys from whatever secrets are known, opens every record, verifies both Finished, every
/// handshake signature and every certificate chain, and names the cause when the connection failed. Whatever the bytes are, the outcome is a result. Thread-safe.
/// </summary>
public static class TranscriptReplay
{
    /// <summary>Replays a connection.</summary>
    /// <param name="recording">What was recorded.</param>
    /// <param name="pki">Trust and keys.</param>
    /// <param name="time">When certificates are judged; <see cref="RecordedConnection.RecordedAt"/> as a rule.</param>
    public static ReplayResult Run(RecordedConnection recording, ReplayPki pki, DateTimeOffset time)
    {
        ArgumentNullException.ThrowIfNull(recording);
        ArgumentNullException.ThrowIfNull(pki);
        using ReplayConnection? connection = Create(recording, pki, time, out SmTlsError helloError);
        if (connection is null)
        {
            string message = recording.ClientBytes.Length == 0
                ? "the client sent nothing"
                : $"the client's first bytes are no ClientHello of TLCP or TLS 1.3 ({helloError.ToCode()})";
            return new ReplayResult { Dialect = new ReplayDialect(), Cause = recording.ClientBytes.Length == 0 ? ReplayCause.Incomplete : ReplayCause.Malformed, Error = helloError, Message = message };
        }
        int records = 0;
        ReplayException? end = null;
        try
        {
            Feed(recording, connection, ref records);
        }
        catch (ReplayException e)
        {
            end = e;
        }
        catch (Exception e) when (e is CryptographicException or SmCertificateException)
        {
            end = new ReplayException(ReplayCause.Malformed, SmTlsError.InvalidKeyShare, e.Message);
        }
        return ReplayVerdict.Of(connection, records, end);
    }

    private static ReplayConnection? Create(RecordedConnection recording, ReplayPki pki, DateTimeOffset time, out SmTlsError error)
    {
        byte[] scratch = new byte[4 * ClientHelloRecords.DefaultMaxLength];
        TlsReadStatus status = ClientHelloRecords.TryRead(recording.ClientBytes, scratch, out ClientHello hello, out _, out error);
        if (status == TlsReadStatus.NeedMoreData)
        {
            error = SmTlsError.Truncated;
        }
        else if (status == TlsReadStatus.Complete && !hello.OffersTlcp && !hello.OffersTls13)
        {
            error = SmTlsError.UnsupportedVersion;
        }
        if (error != SmTlsError.None)
        {
            return null;
        }
        return hello.OffersTlcp ? new TlcpReplay(recording, pki, time) : new Tls13Replay(recording, pki, time);
    }

    private static void Feed(RecordedConnection recording, ReplayConnection connection, ref int records)
    {
        Span<int> read = [0, 0];
        Span<int> arrived = [0, 0];
        foreach (RecordedSegment segment in recording.Segments)
        {
            if (segment.IsEnd)
            {
                connection.End(segment.IsServer);
                continue;
            }
            byte[] bytes = segment.IsServer ? recording.ServerBytes : recording.ClientBytes;
            ref int at = ref read[segment.IsServer ? 1 : 0];
            ref int end = ref arrived[segment.IsServer ? 1 : 0];
            end += segment.Length;
            while (true)
            {
                ReadOnlySpan<byte> rest = bytes.AsSpan(at, end - at);
                TlsReadStatus status = RecordHeader.TryRead(rest, RecordHeader.MaxTlcpCiphertext, out RecordHeader header, out SmTlsError error);
                if (status == TlsReadStatus.Malformed)
                {
                    throw new ReplayException(ReplayCause.Malformed, error, $"no record header at byte {at} of the {(segment.IsServer ? "server" : "client")} ({error.ToCode()})");
                }
                if (status == TlsReadStatus.NeedMoreData || rest.Length - RecordHeader.Size < header.Length)
                {
                    break;
                }
                byte[] fragment = rest.Slice(RecordHeader.Size, header.Length).ToArray();
                at += RecordHeader.Size + header.Length;
                records++;
                connection.Process(segment.IsServer, header, fragment);
            }
        }
    }
}
