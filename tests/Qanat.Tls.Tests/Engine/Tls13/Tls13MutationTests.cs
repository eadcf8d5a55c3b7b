using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>
/// Handshakes in which one record or message is changed at random on its way, under the right keys: typed errors at both ends, no other exception, no handshake that both believe
/// in. 20,000 as a rule, a million with QANAT_FULL=1; a failure names its seed.
/// </summary>
public sealed class Tls13MutationTests
{
    private const int Parts = 4;
    private static readonly int s_perPart = (Environment.GetEnvironmentVariable("QANAT_FULL") == "1" ? 1_000_000 : 20_000) / Parts;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, Parts)];

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("Kind", "Property")]
    public void Changed_flight_gives_typed_errors_and_no_agreement(int part)
    {
        Dictionary<SmTlsError, int> seen = [];
        Tls13Setup[] setups = [Setup(isMutual: false, isRetried: false), Setup(isMutual: true, isRetried: false), Setup(isMutual: false, isRetried: true)];
        for (int i = 0; i < s_perPart; i++)
        {
            int seed = (part * s_perPart) + i;
            Random random = new(seed);
            Tls13Setup setup = setups[random.Next(setups.Length)];
            // One in four shows no ticket.
            if (random.Next(4) == 0)
            {
                setup.ClientOptions.Tickets!.Clear();
            }
            int at = 0, place = random.Next(14);
            bool isChanged = false;
            bool isRaw = random.Next(4) == 0;
            Tls13Tap tap = new(setup, (_, record) =>
            {
                if (isRaw || at++ != place)
                {
                    return [record];
                }
                TapRecord[] others = Change(random, record);
                isChanged |= record.Type == RecordType.Handshake && record.Message is not (HandshakeType.NewSessionTicket or HandshakeType.KeyUpdate)
                    && !others.SelectMany(o => o.Content).SequenceEqual(record.Content);
                return others;
            });
            using EnginePair pair = setup.NewPair((fromClient, record) =>
                tap.OnRecord(fromClient, record).SelectMany(passed => isRaw && at++ == place ? ChangeRaw(random, passed) : [passed])).Handshake();
            foreach (EngineEnd end in (EngineEnd[])[pair.Client, pair.Server])
            {
                seen[end.Error] = seen.GetValueOrDefault(end.Error) + 1;
                Assert.True(Enum.IsDefined(end.Error), $"seed {seed}");
                Assert.True(end.Error != SmTlsError.InternalError, $"seed {seed}: {end.Engine.Failure}");
                // The tap may pass a ticket off as application data.
                Assert.True(end.ApplicationData.Count == 0 || end.Engine.IsHandshakeComplete, $"seed {seed}");
            }
            // A message sent twice may end a handshake only after it was done.
            bool isAgreed = pair.Client.Engine.IsHandshakeComplete && pair.Server.Engine.IsHandshakeComplete;
            Assert.False(isChanged && isAgreed && pair.Client.Engine.Failure is null && pair.Server.Engine.Failure is null, $"seed {seed}");
            if (isAgreed)
            {
                Assert.Equal(setup.ClientSecrets, setup.ServerSecrets);
            }
        }
        // The changes reach far: every kind of refusal is met.
        foreach (SmTlsError error in (SmTlsError[])[SmTlsError.None, SmTlsError.DecodeError, SmTlsError.UnexpectedMessage, SmTlsError.IllegalParameter, SmTlsError.BadSignature,
            SmTlsError.BadFinished, SmTlsError.BadBinder, SmTlsError.BadRecordMac, SmTlsError.PeerAlert, SmTlsError.InvalidKeyShare, SmTlsError.BadCertificate])
        {
            Assert.True(seen.ContainsKey(error), $"{error} was never met among {string.Join(", ", seen)}");
        }
    }

    private static Tls13Setup Setup(bool isMutual, bool isRetried)
    {
        Tls13Setup setup = new();
        setup.ServerOptions.ClientCertificateMode = isMutual ? SmClientCertificateMode.Require : SmClientCertificateMode.None;
        setup.ClientOptions.ClientCredential = isMutual ? Tls13Setup.ClientCredential : null;
        setup.AlwaysSendsCookie = isRetried;
        return setup;
    }

    private static TapRecord[] Change(Random random, TapRecord record)
    {
        byte[] content = record.Content;
        switch (random.Next(9))
        {
            case 0 or 1 or 2:
                content = [.. content];
                content[random.Next(content.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 3:
                content = [.. content];
                content[random.Next(content.Length)] = (byte)random.Next(256);
                break;
            case 4:
                content = content[..random.Next(content.Length)];
                break;
            case 5:
                byte[] more = new byte[random.Next(1, 40)];
                random.NextBytes(more);
                int where = random.Next(content.Length + 1);
                content = [.. content[..where], .. more, .. content[where..]];
                break;
            case 6:
                // A piece out of the middle, with the length of the message put right.
                int from = random.Next(content.Length), count = random.Next(content.Length - from + 1);
                content = [.. content[..from], .. content[(from + count)..]];
                if (content.Length >= 4 && record.Type == RecordType.Handshake)
                {
                    (content[1], content[2], content[3]) = ((byte)((content.Length - 4) >> 16), (byte)((content.Length - 4) >> 8), (byte)(content.Length - 4));
                }
                break;
            case 7:
                return [record with { Type = (RecordType)random.Next(20, 25) }];
            default:
                return [record, record];
        }
        return content.Length == 0 && record.Type != RecordType.Handshake ? [] : [record with { Content = content }];
    }

    private static byte[][] ChangeRaw(Random random, byte[] record)
    {
        byte[] changed = [.. record];
        switch (random.Next(4))
        {
            case 0:
                changed[random.Next(RecordHeader.Size)] ^= (byte)(1 << random.Next(8));
                return [changed];
            case 1:
                changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
                return [changed];
            case 2:
                byte[] garbage = new byte[random.Next(1, 60)];
                random.NextBytes(garbage);
                return [garbage, record];
            default:
                return [];
        }
    }
}
