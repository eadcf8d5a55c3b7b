using Qanat.Tls.Schedule;

namespace Qanat.Tls.Tests.Streams;

public sealed class SmKeyLogTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-keylog-");

    private string FilePath => Path.Combine(_folder.FullName, "keys.log");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Lines_of_several_threads_are_appended_whole_to_a_file_of_the_owner_alone()
    {
        const int Threads = 8, Lines = 200;
        using (SmKeyLog log = new(FilePath))
        {
            Parallel.For(0, Threads, thread =>
            {
                for (int i = 0; i < Lines; i++)
                {
                    log.Append(Line(thread, i));
                }
            });
            Assert.Null(log.Failure);
        }
        using (SmKeyLog again = new(FilePath))
        {
            again.Append("last");
        }
        string[] written = File.ReadAllLines(FilePath);
        Assert.Equal("last", written[^1]);
        Assert.Equal(Enumerable.Range(0, Threads * Lines).Select(i => Line(i / Lines, i % Lines)).Order(StringComparer.Ordinal), written[..^1].Order(StringComparer.Ordinal));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
        }
    }

    [Fact]
    public void A_file_that_others_may_read_is_refused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "File modes are those of Unix.");
        File.WriteAllText(FilePath, "");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(FilePath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        }
        SmTlsException e = Assert.Throws<SmTlsException>(() => new SmKeyLog(FilePath));
        Assert.Equal(SmTlsError.InvalidOptions, e.Error);
        Assert.Contains("chmod 600", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_after_the_end_is_lost_and_known_to_be_lost()
    {
        SmKeyLog log = new(FilePath);
        log.Dispose();
        log.Append("late");
        Assert.IsType<ObjectDisposedException>(log.Failure);
        Assert.Empty(File.ReadAllText(FilePath));
    }

    private static string Line(int thread, int i)
    {
        byte[] random = new byte[32], secret = new byte[48];
        (random[0], random[1]) = ((byte)thread, (byte)i);
        return KeyLogLine.Format(KeyLogLine.ClientRandom, random, secret);
    }
}
